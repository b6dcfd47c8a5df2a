//! The files in `envoy/` with a run's own values in the place of their defaults.
//!
//! Those files are complete and literal, for people. A run replaces literal pieces of their text, and each piece must be there:
//! a file that has changed is noticed, and not half rendered.

use std::path::Path;

use anyhow::{Context as _, bail};

/// A literal piece of a file, and what stands there instead.
pub type Replacement = (&'static str, String);

/// Replaces every occurrence of each literal, in one pass: what has been put in is not looked at again. Where two literals
/// begin at the same place, the longer one counts.
///
/// # Errors
/// A literal does not occur; the message names it.
pub fn render(text: &str, replacements: &[Replacement]) -> anyhow::Result<String> {
    for (literal, _) in replacements {
        if literal.is_empty() || !text.contains(literal) {
            bail!("the text to replace does not occur: {literal:?}");
        }
    }
    let mut rendered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, literal, value)) = next(rest, replacements) {
        let (before, from) = rest.split_at(at);
        rendered.push_str(before);
        rendered.push_str(value);
        rest = from.strip_prefix(literal).unwrap_or_default();
    }
    rendered.push_str(rest);
    Ok(rendered)
}

/// A path as it may stand anywhere in these files.
///
/// # Errors
/// It holds characters that YAML would read as its own.
pub fn path(path: &Path) -> anyhow::Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("the path {} is not UTF-8", path.display()))?;
    let plain = |c: char| c.is_alphanumeric() || "/._-+@= ".contains(c);
    if !text.chars().all(plain) {
        bail!(
            "the path {text} has characters that cannot stand in Envoy's configuration: set TMPDIR and CARGO_TARGET_DIR to plain ones"
        );
    }
    Ok(text.to_owned())
}

fn next<'a>(text: &str, replacements: &'a [Replacement]) -> Option<(usize, &'static str, &'a str)> {
    replacements
        .iter()
        .filter_map(|(literal, value)| Some((text.find(literal)?, *literal, value.as_str())))
        .min_by_key(|(at, literal, _)| (*at, usize::MAX - literal.len()))
}

#[cfg(test)]
mod tests {
    use super::{path, render};
    use std::path::Path;

    #[test]
    fn literals_are_replaced_at_once() {
        for (text, replacements, expected) in [
            (
                "a: 1, b: 2, a: 1",
                vec![("a: 1", "a: 0".to_owned())],
                "a: 0, b: 2, a: 0",
            ),
            // What is put in is not looked at again.
            (
                "x y",
                vec![("x", "y".to_owned()), ("y", "x".to_owned())],
                "y x",
            ),
            // The longer one counts.
            (
                "/a/b /a/c",
                vec![("/a/", "/".to_owned()), ("/a/b", "!".to_owned())],
                "! /c",
            ),
            ("keep", vec![], "keep"),
        ] {
            assert_eq!(render(text, &replacements).unwrap(), expected);
        }
    }

    #[test]
    fn a_literal_that_is_not_there_is_named() {
        let error = render("a b", &[("a", "1".to_owned()), ("port: 1", "2".to_owned())]);
        assert!(error.unwrap_err().to_string().contains("port: 1"));
    }

    #[test]
    fn paths_that_yaml_would_read_are_refused() {
        for (text, good) in [
            ("/tmp/a b/c-1.sock", true),
            ("/tmp/{a}", false),
            ("/tmp/a: b", false),
            ("/tmp/#a", false),
        ] {
            assert_eq!(path(Path::new(text)).is_ok(), good, "{text}");
        }
    }
}
