//! The result as a person reads it: what can be done at most, and how long an operation takes at a given rate.

use comfy_table::{CellAlignment, Table, presets};

use crate::figures::{Figures, Row};

/// Columns of words; the others are numbers.
const WORDS: [&str; 3] = ["store", "path", "load"];
const CLOSED: [&str; 9] = [
    "callers",
    "pairs/s",
    "p50 ms",
    "p99 ms",
    "a batch",
    "of bare",
    "of uniform",
    "of update",
    "journal rows",
];
const OPEN: [&str; 7] = [
    "offered/s",
    "pairs/s",
    "p50 ms",
    "p99 ms",
    "a batch",
    "shed",
    "journal rows",
];

const CLOSED_LEGEND: &str = "\
Closed loops: each caller waits for its answer. A pair is a reservation and its settlement, two durable operations; ms are of one
operation, of what is bare of a batch. bare: the same rows in batches of the same mean size, nothing read or decided. Aims: engine
of bare at least 0.70, hot of uniform at least 1. update: one conditional UPDATE an operation, each committed alone; the engine on
PostgreSQL under one hot tenant is to be at least 10 of it.";
const OPEN_LEGEND: &str = "\
Open loops: operations come at this rate whatever is answered; ms count from when each was meant to be sent. Aim: p99 at 10,000
under 5 ms where the disk allows.";

/// The whole report.
pub fn tables(figures: &Figures) -> String {
    let rows = |open: bool| {
        let kind = move |row: &&Row| row.offered_per_s.is_some() == open;
        figures.rows.iter().filter(kind)
    };
    let closed = table(&CLOSED, rows(false).map(closed));
    let mut report = format!("{closed}\n{CLOSED_LEGEND}");
    if rows(true).next().is_some() {
        let open = table(&OPEN, rows(true).map(open));
        report = format!("{report}\n\n{open}\n{OPEN_LEGEND}");
    }
    report
}

fn table(headers: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(WORDS.iter().chain(headers))
        .add_rows(rows);
    for column in table.column_iter_mut().skip(WORDS.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn place(row: &Row) -> Vec<String> {
    let names = [row.engine.name(), row.path.name(), row.load.name()];
    names.map(str::to_owned).to_vec()
}

fn closed(row: &Row) -> Vec<String> {
    let mut line = place(row);
    line.extend([
        row.batch_max
            .map_or_else(String::new, |max| max.to_string()),
        format!("{:.0}", row.pairs_per_s),
        format!("{:.3}", row.p50_ms),
        format!("{:.3}", row.p99_ms),
        format!("{:.1}", row.batch_mean),
        part(row.of_bare),
        part(row.of_uniform),
        part(row.of_update),
        row.journal_rows.to_string(),
    ]);
    line
}

fn open(row: &Row) -> Vec<String> {
    let mut line = place(row);
    line.extend([
        row.offered_per_s
            .map_or_else(String::new, |rate| rate.to_string()),
        format!("{:.0}", row.pairs_per_s),
        format!("{:.3}", row.p50_ms),
        format!("{:.3}", row.p99_ms),
        format!("{:.1}", row.batch_mean),
        row.shed.to_string(),
        row.journal_rows.to_string(),
    ]);
    line
}

fn part(of: Option<f64>) -> String {
    of.map_or_else(String::new, |of| format!("{of:.2}"))
}
