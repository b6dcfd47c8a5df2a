//! The documents speak of what is there.

use crate::{project_files, read, root};

/// What ARCHITECTURE.md may take, so that it is read.
const ARCHITECTURE_LINES_MAX: usize = 250;

#[test]
fn architecture_names_only_paths_that_exist() {
    let text = read("ARCHITECTURE.md");
    let lines = text.lines().count();
    assert!(
        lines <= ARCHITECTURE_LINES_MAX,
        "ARCHITECTURE.md has {lines} lines, more than {ARCHITECTURE_LINES_MAX}"
    );
    let mut paths = 0;
    for path in code_spans(&text).filter(|span| is_path(span)) {
        paths += 1;
        assert!(
            root().join(path).exists(),
            "ARCHITECTURE.md names {path}, which does not exist"
        );
    }
    assert!(
        paths >= 30,
        "only {paths} paths found in ARCHITECTURE.md: is the map gone?"
    );
}

#[test]
fn readme_names_only_paths_that_exist() {
    let text = read("README.md");
    for path in code_spans(&text).filter(|span| is_path(span)) {
        assert!(
            root().join(path).exists(),
            "README.md names {path}, which does not exist"
        );
    }
}

/// Texts between backquotes, fenced blocks left out.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split("```")
        .step_by(2)
        .flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// Whether a code span means a file or folder of this project.
fn is_path(span: &str) -> bool {
    const TOP: [&str; 8] = [
        "filter/",
        "quota-server/",
        "envoy/",
        "examples/",
        "tests/",
        ".ci/",
        ".cargo/",
        "Cargo.",
    ];
    TOP.iter().any(|top| span.starts_with(top)) && !span.contains(['{', '*', ' ', '<'])
}

/// Texts that tell of a machine or a registry instead of the project.
const BANNED: [&str; 7] = [
    "/work/",
    "/root/",
    "pythonhosted",
    "pypi.org",
    "static.crates",
    "index.crates",
    "deb.debian.org",
];

#[test]
fn no_text_names_a_machine_or_a_registry() {
    for file in project_files() {
        if file.ends_with("tidy/documents.rs") || file == "Cargo.lock" {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for banned in BANNED {
                assert!(
                    !line.contains(banned),
                    "{file}:{}: names {banned}",
                    number + 1
                );
            }
        }
    }
}
