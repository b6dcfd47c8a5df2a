//! A frozen book that goes on.

use super::{available, entry};
use crate::admin::wire::{Place, Position, ThawEntry, Thawed};

pub(in crate::cli) fn thawed_tenant(thawed: &Thawed<Position>) -> String {
    told(thawed, |position| {
        let (what, left) = available(position);
        format!("{what} {left}\n{}", entry(position))
    })
}

pub(in crate::cli) fn thawed_house(thawed: &Thawed<Place>) -> String {
    let place = |place: &Place| format!("Journal entry {}, {}", place.seq, place.time);
    told(thawed, place)
}

fn told<P>(thawed: &Thawed<P>, place: impl FnOnce(&P) -> String) -> String {
    let Thawed {
        book,
        thawed_now: _,
        frozen_for,
        position,
    } = thawed;
    match (frozen_for, position) {
        (Some(why), Some(position)) => {
            let place = place(position);
            format!("'{book}' was verified, and goes on. It had been frozen for: {why}\n{place}")
        }
        _ => format!("'{book}' is not frozen: nothing was done"),
    }
}

/// What a verdict says of a book that was frozen once.
pub(super) fn thaw_entry(entry: &ThawEntry) -> String {
    let ThawEntry {
        book,
        at,
        seq,
        frozen_for,
        reason,
        approver,
        note: _,
    } = entry;
    format!(
        "; '{book}' had been frozen ({frozen_for}) and was thawed at {at}, entry {seq} ({reason}, approved by {approver})"
    )
}
