//! Which crate may know which: the arrows of ARCHITECTURE.md, and the outside crates that must stay out.

use crate::output;
use std::collections::BTreeSet;

/// Each crate, with the crates of the workspace that it may depend on.
const ARROWS: [(&str, &[&str]); 9] = [
    ("ferry-types", &[]),
    ("ferry-api", &["ferry-types"]),
    ("ferry-ledger", &["ferry-types"]),
    ("ferry-model", &["ferry-ledger", "ferry-types"]),
    ("ferry-filter-core", &["ferry-api", "ferry-types"]),
    ("ferry-filter", &["ferry-filter-core"]),
    (
        "ferry-quota-server",
        &["ferry-api", "ferry-ledger", "ferry-types"],
    ),
    ("ferry-examples", &["ferry-quota-server", "ferry-types"]),
    (
        "ferry-tests",
        &[
            "ferry-api",
            "ferry-examples",
            "ferry-quota-server",
            "ferry-types",
        ],
    ),
];

/// Outside crates that must not come in, by whatever way, and the target for which that is asked.
const BANS: [(&str, &str, &[&str]); 4] = [
    (
        "ferry-types",
        "wasm32-wasip1",
        &["tokio", "serde", "getrandom", "rand"],
    ),
    (
        "ferry-filter-core",
        "wasm32-wasip1",
        &[
            "tokio",
            "tonic",
            "proxy-wasm",
            "getrandom",
            "rand",
            "rust_decimal",
        ],
    ),
    (
        "ferry-filter",
        "wasm32-wasip1",
        &["tokio", "tonic", "rust_decimal"],
    ),
    (
        "ferry-ledger",
        "x86_64-unknown-linux-gnu",
        &[
            "tokio",
            "prost",
            "serde_json",
            "getrandom",
            "rand",
            "rusqlite",
            "tonic",
        ],
    ),
];

#[test]
fn arrows_point_one_way() {
    let metadata: serde_json::Value = serde_json::from_str(&output(
        env!("CARGO"),
        &["metadata", "--no-deps", "--format-version=1"],
    ))
    .expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert_eq!(
        packages.len(),
        ARROWS.len(),
        "a crate without a line in ARROWS"
    );
    for package in packages {
        let name = package["name"].as_str().expect("name");
        let (_, allowed) = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .expect("a line in ARROWS");
        let wrong: Vec<&str> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|dependency| dependency.starts_with("ferry-") && !allowed.contains(dependency))
            .collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
}

#[test]
fn banned_crates_stay_out() {
    for (name, target, banned) in BANS {
        let tree = output(
            env!("CARGO"),
            &[
                "tree", "-p", name, "--target", target, "-e", "normal", "--prefix", "none",
            ],
        );
        let present: BTreeSet<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let wrong: Vec<_> = banned
            .iter()
            .filter(|crate_name| present.contains(*crate_name))
            .collect();
        assert!(
            wrong.is_empty(),
            "{name} pulls in {wrong:?}: see `cargo tree -p {name} --target {target} -e normal`"
        );
    }
}
