//! Files: where they lie, how long they are, how they begin, and what they must not contain.

use crate::{project_files, read};

/// What the top level shows, dot files aside.
const TOP_LEVEL: [&str; 10] = [
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "envoy",
    "examples",
    "filter",
    "quota-server",
    "tests",
];
/// A file longer than this has a second noun in it.
const FILE_LINES_MAX: usize = 500;

#[test]
fn the_top_level_holds_nothing_else() {
    for file in project_files() {
        let top = file.split('/').next().unwrap_or(&file);
        assert!(
            top.starts_with('.') || TOP_LEVEL.contains(&top),
            "{top} does not belong on the top level"
        );
    }
}

#[test]
fn sources_are_short_and_say_what_they_are_for() {
    for file in sources() {
        let text = read(&file);
        let lines = text.lines().count();
        assert!(
            lines <= FILE_LINES_MAX,
            "{file} has {lines} lines: is there a noun hiding in it?"
        );
        assert!(
            text.starts_with("//!") || is_inner_test(&file),
            "{file} does not begin with what it is for"
        );
        assert!(
            !file.ends_with("/mod.rs"),
            "{file}: name it after its noun, beside its folder"
        );
    }
}

#[test]
fn tests_neither_sleep_nor_are_ignored() {
    let banned = [
        "thread::sleep",
        "time::sleep",
        "#[ignore",
        "todo!(",
        "unimplemented!(",
    ];
    for file in sources().filter(|file| file.contains("/tests/") || file.ends_with("/tests.rs")) {
        if file.ends_with("tidy/files.rs") {
            continue;
        }
        let text = read(&file);
        for (number, line) in text.lines().enumerate() {
            for word in banned {
                assert!(!line.contains(word), "{file}:{}: {word}", number + 1);
            }
        }
    }
}

/// Tests that have outgrown the file they belong to: what they are for stands there.
fn is_inner_test(file: &str) -> bool {
    file.contains("/src/") && (file.ends_with("/tests.rs") || file.contains("/tests/"))
}

/// Every Rust source that people write.
fn sources() -> impl Iterator<Item = String> {
    project_files()
        .into_iter()
        .filter(|file| file.ends_with(".rs") && !file.contains("/generated/"))
}
