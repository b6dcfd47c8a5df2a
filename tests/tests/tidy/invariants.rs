//! Who calls which invariant of money: every id has a function, and stands where ARCHITECTURE.md says that it is looked at.

use crate::read;

const CHECK: &str = "quota-server/ledger/src/invariant.rs";
const TESTS: &str = "quota-server/ledger/tests/ledger/world.rs";
const SIMULATION: &str = "tests/tests/simulation/audit.rs";
const ENGINE: &str = "quota-server/src/engine/batch/book_work.rs";
const VERIFY: &str = "quota-server/ledger/src/verify.rs";
/// The house's own book is carried out, and looked at, in one place for all four.
const HOUSE: &str = "quota-server/ledger/src/house/apply.rs";
const HOUSE_VERIFY: &str = "quota-server/ledger/src/house/verify.rs";

/// Looked at by all four, since `Book::apply` looks before it gives an entry out: see [`who_applies_checks`].
const BY_APPLY: &[&str] = &[CHECK];
/// Of a whole book: the engine has only the rows of a batch in view.
const WHOLE: &[&str] = &[TESTS, SIMULATION, VERIFY];

/// Each id with its functions, and the files that must call them.
const CALLED: [(&str, &[&str], &[&str]); 21] = [
    (
        "I1",
        &["i1_sums_to_zero", "i1_gives_back_what_was_charged"],
        BY_APPLY,
    ),
    ("I1", &["i1_lines_sum_to_zero"], &[CHECK, HOUSE]),
    ("I1", &["i1_advances_move_by_their_lines"], &[HOUSE]),
    ("I2", &["i2_promises_are_covered"], BY_APPLY),
    (
        "I2",
        &["i2_counts_where_limits_apply", "i2_limits_are_kept"],
        BY_APPLY,
    ),
    ("I3", &["i3_one_end"], BY_APPLY),
    ("I3", &["i3_movements_are_reversed_once"], &[HOUSE_VERIFY]),
    ("I4", &["i4_held_moves_with_its_row"], BY_APPLY),
    ("I4", &["i4_held_is_the_sum"], WHOLE),
    ("I4", &["i4_counters_are_the_sum"], WHOLE),
    ("I4", &["i4_resolved_is_the_sum"], &[HOUSE_VERIFY]),
    ("I5", &["i5_rows_answer_again"], WHOLE),
    ("I5", &["i5_again_is_the_same"], &[TESTS]),
    ("I5", &["i5_movements_answer_again"], &[HOUSE_VERIFY]),
    // The link alone: the hash was made a moment ago.
    ("I6", &["i6_follows"], &[ENGINE, HOUSE, CHECK]),
    ("I6", &["i6_chain"], &[VERIFY, HOUSE_VERIFY]),
    ("I7", &["i7_order"], &[ENGINE, HOUSE, VERIFY, HOUSE_VERIFY]),
    ("I8", &["i8_grants_burn_in_order"], BY_APPLY),
    (
        "I9",
        &["i9_amounts_are_priced", "i9_paid_by_whom_it_must"],
        BY_APPLY,
    ),
    ("I10", &["i10_acknowledged_is_written"], &[TESTS, ENGINE]),
    ("I11", &["i11_records_are_the_lines"], &[TESTS, VERIFY]),
];

/// Who carries events out, each by `Book::apply`.
const APPLY: [&str; 4] = [TESTS, "tests/tests/simulation/server.rs", ENGINE, VERIFY];

fn calls(file: &str, function: &str) -> bool {
    let text = read(file);
    let called = format!("{function}(");
    let is_call = |line: &&str| line.contains(&called) && !line.contains("fn ");
    text.lines().any(|line| is_call(&line))
}

#[test]
fn every_invariant_is_called_where_it_must_be() {
    for (id, functions, files) in CALLED {
        for function in functions {
            for file in files {
                assert!(
                    calls(file, function),
                    "{id}: {file} does not call {function}"
                );
            }
        }
    }
}

/// The table has every function that there is.
#[test]
fn every_invariant_is_in_the_table() {
    let folder = "quota-server/ledger/src/invariant";
    let parts = ["again", "before", "funds", "house", "limits", "priced"]
        .map(|part| format!("{folder}/{part}.rs"));
    let texts = parts.iter().map(|file| read(file)).chain([read(CHECK)]);
    let mut found = 0;
    for text in texts {
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("pub fn i") else {
                continue;
            };
            let name = format!("i{}", rest.split('(').next().unwrap_or_default());
            let (id, _) = name.split_once('_').expect("a name with its id");
            let listed = CALLED.iter().any(|(listed, functions, _)| {
                listed.eq_ignore_ascii_case(id) && functions.contains(&name.as_str())
            });
            assert!(listed, "{name} is in no line of the table");
            found += 1;
        }
    }
    let listed: usize = CALLED.iter().map(|(_, functions, _)| functions.len()).sum();
    assert_eq!(found, listed, "a function is gone");
}

#[test]
fn who_applies_checks() {
    let apply = read("quota-server/ledger/src/apply.rs");
    assert!(apply.contains("invariant::check(&before, event, &transaction, self)?;"));
    for file in APPLY {
        assert!(calls(file, ".apply"), "{file} carries nothing out");
    }
}
