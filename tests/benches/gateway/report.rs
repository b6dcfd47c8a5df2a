//! The result as a person reads it: what the client saw, what it took, and beside both what each target adds to plain Envoy.

use comfy_table::{CellAlignment, Table, presets};

use crate::figures::{Added, Figures, Parts, Row};
use crate::target::Target;

/// What a table's lines begin with.
const PLACE: [&str; 3] = ["answer", "conns", "target"];
const SEEN: [&str; 7] = [
    "req/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "1st byte ms",
    "added ms",
    "× durable",
];
const TAKEN: [&str; 8] = [
    "CPU s/1k",
    "of Envoy",
    "of server",
    "added",
    "× ext_authz",
    "µs/event",
    "Envoy MiB",
    "server MiB",
];

const SEEN_LEGEND: &str = "\
added: to plain Envoy's p50; of a stream, to its first byte. × durable: as a multiple of what ext_authz_durable adds. The aim is 1.5.";
const TAKEN_LEGEND: &str = "\
CPU s/1k: processor seconds for 1,000 answers, Envoy and the called server together. added: to plain Envoy's.
× ext_authz: as a multiple of what ext_authz adds. The aim is 1.5 at 16 and 64. µs/event: the same processor time over a stream's events.";

/// The whole report.
pub fn tables(figures: &Figures) -> String {
    let mut seen = table(&SEEN);
    let mut taken = table(&TAKEN);
    let mut group = None;
    for (row, parts) in figures.rows.iter().zip(&figures.parts) {
        let present = (row.stream, row.concurrency);
        if group
            .replace(present)
            .is_some_and(|before| before != present)
        {
            seen.add_row([""]);
            taken.add_row([""]);
        }
        let added = added(row, &figures.added);
        seen.add_row(place(row).into_iter().chain(what_was_seen(row, added)));
        if row.target != Target::Direct {
            taken.add_row(
                place(row)
                    .into_iter()
                    .chain(what_was_taken(row, parts, added)),
            );
        }
    }
    let [seen, taken] = [seen, taken].map(|table| table.trim_fmt());
    format!("{seen}\n{SEEN_LEGEND}\n\n{taken}\n{TAKEN_LEGEND}")
}

/// An empty table: words to the left, numbers to the right.
fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(PLACE.iter().chain(headers));
    for (index, column) in table.column_iter_mut().enumerate() {
        let words = PLACE.get(index).is_some_and(|header| *header != "conns");
        column.set_cell_alignment(if words {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    table
}

fn added<'a>(row: &Row, all: &'a [Added]) -> Option<&'a Added> {
    let same = |added: &&Added| {
        (added.target, added.stream, added.concurrency) == (row.target, row.stream, row.concurrency)
    };
    all.iter().find(same)
}

fn place(row: &Row) -> [String; 3] {
    let answer = if row.stream { "stream" } else { "json" };
    [
        answer.to_owned(),
        row.concurrency.to_string(),
        row.target.name().to_owned(),
    ]
}

fn what_was_seen(row: &Row, added: Option<&Added>) -> [String; 7] {
    let latency = |added: &Added| {
        if row.stream {
            (added.ttfb_p50_ms, added.ttfb_of_durable)
        } else {
            (added.p50_ms, added.p50_of_durable)
        }
    };
    let (more, of_floor) = beside(added.map(latency));
    [
        format!("{:.0}", row.rps),
        format!("{:.3}", row.p50_ms),
        format!("{:.3}", row.p95_ms),
        format!("{:.3}", row.p99_ms),
        format!("{:.3}", row.ttfb_p50_ms),
        more,
        of_floor,
    ]
}

fn what_was_taken(row: &Row, parts: &Parts, added: Option<&Added>) -> [String; 8] {
    let (more, of_floor) = beside(added.map(|added| (added.cpu_s_per_1k, added.cpu_of_ext_authz)));
    [
        format!("{:.3}", row.cpu_s_per_1k),
        format!("{:.3}", parts.envoy_cpu_s_per_1k),
        format!("{:.3}", parts.server_cpu_s_per_1k),
        more,
        of_floor,
        if row.stream {
            format!("{:.1}", parts.cpu_us_per_event)
        } else {
            String::new()
        },
        format!("{:.0}", parts.envoy_rss_mib),
        format!("{:.0}", parts.server_rss_mib),
    ]
}

/// What is added, and as a multiple of its floor; a dash where noise leaves nothing to compare with.
fn beside(added: Option<(f64, Option<f64>)>) -> (String, String) {
    let Some((more, of_floor)) = added else {
        return Default::default();
    };
    (
        format!("{more:.3}"),
        of_floor.map_or_else(|| "–".to_owned(), |multiple| format!("{multiple:.2}")),
    )
}
