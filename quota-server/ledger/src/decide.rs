//! What a book answers to a command, and what happens.
//!
//! Nothing is changed here. A decision is a function of the book, the command, the configured times and the server's time; the
//! same four give the same decision.

pub(crate) mod admin;
mod correct;
mod expire;
mod release;
mod renew;
mod reserve;
mod settle;

use crate::answer::{Answer, Decision};
use crate::book::Book;
use crate::closing;
use crate::command::Command;
use crate::limit;
use crate::offer::Rules;
use crate::reservation::{Owner, Reservation};
use crate::seal;
use crate::time::UnixMs;
use ferry_types::ReservationId;

pub use admin::open;
pub(crate) use correct::corrected;
pub(crate) use expire::last_evidence;
pub(crate) use settle::{paid, settled_counts};

/// Decides one command on an open book, at this time of the server's clock.
#[must_use]
pub fn decide(book: &Book, command: &Command, rules: &Rules, clock: UnixMs) -> Decision {
    let now = book.time_at(clock);
    match command {
        Command::SetTenantState(to) => admin::set_tenant_state(book, *to).map(Answer::Admin),
        Command::CloseTenant(closing) => closing::close(book, closing, now).map(Answer::Admin),
        Command::IssueKey(order) => admin::issue_key(book, order).map(Answer::Admin),
        Command::SetKeyState(order) => admin::set_key_state(book, order).map(Answer::Admin),
        Command::SetOverage(to) => admin::set_overage(book, *to).map(Answer::Admin),
        Command::SetReseller(to) => admin::set_reseller(book, to.as_ref()).map(Answer::Admin),
        Command::SetZone(zone) => limit::set_zone(book, zone).map(Answer::Admin),
        Command::SetLimit(order) => limit::set(book, order).map(Answer::Admin),
        Command::RemoveLimit(id) => limit::remove(book, id).map(Answer::Admin),
        Command::IssueGrant(order) => admin::issue_grant(book, order, now).map(Answer::Admin),
        Command::ExpireGrant(id) => admin::expire_grant(book, id, now).map(Answer::Admin),
        Command::TopUp(order) => admin::top_up(book, order).map(Answer::Admin),
        Command::Correct(order) => correct::correct(book, order, now).map(Answer::Admin),
        Command::Reserve(call) => reserve::reserve(book, call, rules, clock).map(Answer::Reserve),
        Command::Renew(call) => renew::renew(book, call, rules, now).map(Answer::Renew),
        Command::Settle(call) => settle::settle(book, call, rules, now).map(Answer::Settle),
        Command::Release(call) => release::release(book, call, now).map(Answer::Release),
        Command::SealMonth(sealed) => seal::seal(book, sealed, now).map(Answer::Admin),
        Command::Expire(call) => expire::expire(book, *call, now).map(Answer::Expire),
    }
}

/// What is known about a reservation's id.
enum Known<'a> {
    /// Nothing.
    No,
    /// It was refused.
    Refused,
    /// It has a row.
    Row(&'a Reservation),
    /// It is another's; or it is nobody's, and the key is not this tenant's.
    Denied,
}

fn known<'a>(book: &'a Book, id: ReservationId, owner: &Owner) -> Known<'a> {
    if let Some(row) = book.reservations.get(&id) {
        return if row.owner == *owner {
            Known::Row(row)
        } else {
            Known::Denied
        };
    }
    if let Some(refused) = book.refused.get(&id) {
        return if refused.owner == *owner {
            Known::Refused
        } else {
            Known::Denied
        };
    }
    if book.keys.contains_key(&owner.key) {
        Known::No
    } else {
        Known::Denied
    }
}
