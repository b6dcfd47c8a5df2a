//! Carrying out what was decided: the one place where a book changes.
//!
//! Everything is computed before anything is changed: an event that does not fit leaves the book as it was. Then the
//! invariants are checked, before anybody persists anything.

mod correct;
mod hold;

use crate::book::{Book, Head, Key, KeyState, PostedTopUp, TenantState, TopUpRef};
use crate::closing::is_shut_out;
use crate::event::{Event, Expired, Parked, Settled, ToppedUp};
use crate::grant::{Grant, Moved};
use crate::invariant::{self, Before, Broken};
use crate::journal::Entry;
use crate::overage::Overage;
use crate::reissue::Reissued;
use crate::reseller::Reseller;
use crate::reservation::{
    Charge, Freed, Owner, ParkedSettlement, Posting, Refused, Reservation, State,
};
use crate::seal::MonthSealed;
use crate::time::UnixMs;
use crate::transaction::Transaction;
use crate::transfer::{PostedTransfer, Transferred};
use crate::zone::Zone;
use ferry_types::{Amount, Balance, GrantId, KeyId, Overflow, ReservationId, TenantId};
use std::collections::BTreeMap;

/// An event does not fit the book that it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A balance would leave the range of what can be stored.
    #[error("an amount leaves the range")]
    Overflow,
    /// More would be freed than is held.
    #[error("more is freed than is held")]
    FreedMoreThanHeld,
    /// What it changes is not there, or is not in the state that it needs.
    #[error("{0}")]
    WrongState(&'static str),
    /// It would break an invariant.
    #[error("an invariant is broken")]
    Broken(
        #[from]
        #[source]
        Broken,
    ),
}

/// What an event leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// In the journal.
    pub entry: Entry,
    /// Between accounts.
    pub transaction: Transaction,
}

impl From<Overflow> for Misfit {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

impl Book {
    /// Makes the book that its first event opens, and the first record of its journal.
    ///
    /// # Errors
    /// [`Misfit`] if the event is another than the opening.
    pub fn open(tenant: TenantId, event: &Event, at: UnixMs) -> Result<(Self, Recorded), Misfit> {
        let Event::TenantOpened { name, currency } = event else {
            return Err(Misfit::WrongState("a book begins with its opening"));
        };
        if tenant.is_house() {
            return Err(Misfit::WrongState("this is the house's own book"));
        }
        let mut book = Self {
            tenant,
            name: name.clone(),
            currency: *currency,
            state: TenantState::Active,
            posted: Balance::ZERO,
            held: Amount::ZERO,
            overage: Overage::Debt,
            reseller: None,
            zone: Zone::UTC,
            frozen: false,
            head: Head::START,
            keys: BTreeMap::new(),
            reservations: BTreeMap::new(),
            refused: BTreeMap::new(),
            top_ups: BTreeMap::new(),
            credited_elsewhere: BTreeMap::new(),
            grants: BTreeMap::new(),
            limits: BTreeMap::new(),
            counters: BTreeMap::new(),
            transfers: BTreeMap::new(),
            corrections: BTreeMap::new(),
        };
        let transaction = Transaction::of(event, &book, at)?;
        let entry = book.append(event, at);
        Ok((book, Recorded { entry, transaction }))
    }

    /// Carries an event out, chains it to the journal, and says what it moves. The entry's time is `at`, but never before the last entry's.
    ///
    /// # Errors
    /// [`Misfit`] if it cannot be carried out. Of [`Misfit::Broken`] nothing may be kept: the book is to be thrown away and
    /// frozen in the store. Any other leaves it as it was.
    pub fn apply(&mut self, event: &Event, at: UnixMs) -> Result<Recorded, Misfit> {
        let at = self.time_at(at);
        if self.is_closed() && is_shut_out(event) {
            return Err(Misfit::WrongState("the tenant is closed"));
        }
        let before = Before::of(self, event, at);
        let transaction = Transaction::of(event, self, at)?;
        let weights = self.weights(event);
        self.fold(event, at)?;
        self.count(event, &weights)?;
        if let (Some(reseller), Some(carry)) = (&mut self.reseller, transaction.carry) {
            reseller.carry = carry;
        }
        invariant::check(&before, event, &transaction, self)?;
        let entry = self.append(event, at);
        Ok(Recorded { entry, transaction })
    }

    /// Keeps a refusal in view, so that the rest of a batch sees it.
    pub fn remember(&mut self, id: ReservationId, refused: Refused) {
        self.refused.insert(id, refused);
    }

    fn append(&mut self, event: &Event, at: UnixMs) -> Entry {
        let entry = Entry::after(&self.head, &self.tenant, at, event.kind(), event.encode());
        self.head = entry.end();
        entry
    }

    /// The state after an event, without the chain.
    fn fold(&mut self, event: &Event, at: UnixMs) -> Result<(), Misfit> {
        match event {
            Event::TenantOpened { .. } => Err(Misfit::WrongState("the book is open already")),
            Event::TenantStateSet(to) => {
                self.state = *to;
                Ok(())
            }
            Event::TenantClosed(_) => self.close(at),
            Event::KeyIssued {
                key,
                label,
                expires_at,
                listed: _,
            } => {
                let issued = Key {
                    label: label.clone(),
                    state: KeyState::Active,
                    issued_at: at,
                    expires_at: *expires_at,
                };
                absent(self.keys.contains_key(key), "the key is there already")?;
                self.keys.insert(key.clone(), issued);
                Ok(())
            }
            Event::KeyStateSet { key, to } => self.set_key_state(key, *to),
            Event::OverageSet(overage) => {
                self.overage = *overage;
                self.posted_after(Amount::ZERO, Amount::ZERO)?;
                Ok(())
            }
            Event::ResellerSet(to) => {
                self.reseller = to.clone().map(Reseller::new);
                Ok(())
            }
            Event::ZoneSet(zone) => {
                self.zone = zone.clone();
                Ok(())
            }
            Event::LimitSet { id, terms } => self.set_limit(id, terms),
            Event::LimitRemoved(id) => self.remove_limit(id),
            Event::GrantIssued { id, grant, note: _ } => self.issue_grant(id, grant, at),
            Event::GrantExpired { id, lapsed } => self.expire_grant(id, *lapsed),
            Event::MonthSealed(sealed) => self.seal(sealed, at),
            // That it was frozen, no journal tells: replayed, it goes on from what it was.
            Event::Thawed(_) => {
                self.frozen = false;
                Ok(())
            }
            Event::ToppedUp(topped_up) => self.top_up(topped_up, at),
            Event::Transferred(transferred) => self.transfer(transferred, at),
            Event::Reserved(reserved) => self.reserve(reserved, at),
            Event::Renewed {
                id,
                used,
                lease_until,
                raised,
            } => self.renew(*id, (*used, *lease_until), raised.as_ref()),
            Event::Settled(settled) | Event::Adjusted(settled) => self.settle(settled, at),
            Event::Released {
                id,
                owner,
                released,
                returned,
                by: _,
                reissued,
            } => self.release(unseen(*id, owner), (*released, *returned), reissued, at),
            Event::Expired(expired) => self.expire(expired, at),
            Event::Parked(parked) => self.park(parked, at),
            Event::Corrected(corrected) => self.correct(corrected, at),
        }
    }

    fn seal(&self, sealed: &MonthSealed, at: UnixMs) -> Result<(), Misfit> {
        match sealed.misfit(&self.head, at) {
            None => Ok(()),
            Some(why) => Err(Misfit::WrongState(why)),
        }
    }

    fn close(&mut self, at: UnixMs) -> Result<(), Misfit> {
        match self.stays_open(at) {
            None => {
                self.state = TenantState::Closed;
                Ok(())
            }
            Some(why) => Err(Misfit::WrongState(why)),
        }
    }

    fn set_key_state(&mut self, key: &KeyId, to: KeyState) -> Result<(), Misfit> {
        match self.keys.get_mut(key) {
            Some(key) if key.state != KeyState::Revoked => {
                key.state = to;
                Ok(())
            }
            Some(_) => Err(Misfit::WrongState("the key is revoked")),
            None => Err(Misfit::WrongState("there is no such key")),
        }
    }

    fn park(&mut self, parked: &Parked, at: UnixMs) -> Result<(), Misfit> {
        let row = self.reservations.get(&parked.id);
        absent(
            row.is_some_and(|row| !matches!(row.state, State::Released(_))),
            "the reservation is there already, and not released",
        )?;
        let seq = self.head.next_seq();
        let row = self
            .reservations
            .entry(parked.id)
            .or_insert_with(|| unseen(parked.id, &parked.owner));
        if row.facts.is_none() {
            row.facts = Some(parked.settlement.facts.clone());
        }
        row.state = State::Parked(Box::new(ParkedSettlement {
            settlement: parked.settlement.clone(),
            at,
            seq,
            after: parked.after,
        }));
        Ok(())
    }

    fn top_up(&mut self, topped_up: &ToppedUp, at: UnixMs) -> Result<(), Misfit> {
        let amount = topped_up.amount;
        let reference = TopUpRef {
            source: topped_up.source.clone(),
            external_reference: topped_up.external_reference.clone(),
        };
        absent(
            self.top_ups.contains_key(&reference),
            "the top-up is there already",
        )?;
        absent(
            self.credited_elsewhere.contains_key(&reference),
            "the payment was credited to another tenant",
        )?;
        self.posted = self.posted_after(amount, Amount::ZERO)?;
        let seq = self.head.next_seq();
        let posted = PostedTopUp {
            amount,
            taken_back: Amount::ZERO,
            at,
            seq,
        };
        self.top_ups.insert(reference, posted);
        Ok(())
    }

    fn transfer(&mut self, transferred: &Transferred, at: UnixMs) -> Result<(), Misfit> {
        let known = self.transfers.contains_key(&transferred.id);
        absent(known, "the transfer is there already")?;
        let (given, taken) = transferred.moves_balance();
        self.posted = self.posted_after(given, taken)?;
        let posted = PostedTransfer {
            direction: transferred.direction,
            other: transferred.other.clone(),
            amount: transferred.amount,
            note: transferred.note.clone(),
            at,
            seq: self.head.next_seq(),
        };
        self.transfers.insert(transferred.id.clone(), posted);
        Ok(())
    }

    fn issue_grant(&mut self, id: &GrantId, grant: &Grant, at: UnixMs) -> Result<(), Misfit> {
        absent(self.grants.contains_key(id), "the grant is there already")?;
        let seq = self.head.next_seq();
        let grant = Grant::clone(grant);
        self.grants.insert(id.clone(), Grant { seq, at, ..grant });
        Ok(())
    }

    fn expire_grant(&mut self, id: &GrantId, lapsed: Amount) -> Result<(), Misfit> {
        let missing = Misfit::WrongState("there is no such grant");
        let grant = self.grants.get_mut(id).ok_or(missing)?;
        if grant.expired || grant.free() != lapsed {
            return Err(Misfit::WrongState("another amount is left of the grant"));
        }
        grant.remaining = grant.held;
        grant.expired = true;
        Ok(())
    }

    /// Puts grants in the place of what they were.
    fn put_grants(&mut self, moved: Vec<Moved>) {
        for Moved { id, grant, .. } in moved {
            self.grants.insert(id, grant);
        }
    }

    fn settle(&mut self, settled: &Settled, at: UnixMs) -> Result<(), Misfit> {
        let row = self.reservations.get(&settled.id);
        let before = row.map_or(Amount::ZERO, Reservation::charged);
        if before != settled.charged_before {
            return Err(Misfit::WrongState("another amount was charged before"));
        }
        let moved = self.moved_by(row, Some(&settled.charge), &settled.reissued)?;
        let posting = Posting {
            settlement: Some(settled.settlement.clone()),
            charge: settled.charge.clone(),
            released: settled.released,
            flags: settled.flags,
            at,
            seq: self.head.next_seq(),
            by: settled.by.clone(),
            standing: row
                .and_then(Reservation::posting)
                .and_then(|posting| posting.standing.clone()),
        };
        let row = self
            .reservations
            .entry(settled.id)
            .or_insert_with(|| unseen(settled.id, &settled.owner));
        if row.facts.is_none() {
            row.facts = Some(settled.settlement.facts.clone());
        }
        if row.offer.is_none() {
            row.offer.clone_from(&settled.offer);
        }
        if row.counted.is_empty() {
            row.counted.clone_from(&settled.counts.counted);
        }
        row.state = State::Settled(Box::new(posting));
        self.carry(moved);
        self.issue(&settled.reissued, at);
        Ok(())
    }

    /// What the book is after a reservation ends, or its end is replaced, by this charge or by none.
    fn moved_by(
        &self,
        row: Option<&Reservation>,
        charge: Option<&Charge>,
        reissued: &[Reissued],
    ) -> Result<BookMoved, Misfit> {
        let held = row.map_or(Ok(Amount::ZERO), Reservation::held_on_balance)?;
        let given = row.map_or(Ok(Amount::ZERO), Reservation::charged_on_balance)?;
        let taken = charge.map_or(Ok(Amount::ZERO), Charge::on_balance)?;
        for new in reissued {
            absent(
                self.grants.contains_key(&new.id),
                "the grant is there already",
            )?;
        }
        let grants = self.moved_grants(
            row.map_or(&[], Reservation::held_of_grants),
            (row.map_or(&[], Reservation::charged_to_grants), reissued),
            charge.map_or(&[], |charge| &charge.grants),
        )?;
        Ok(BookMoved {
            held: self.held.minus(held).ok_or(Misfit::FreedMoreThanHeld)?,
            posted: self.posted_with((given, taken), &grants)?,
            grants,
        })
    }

    fn carry(&mut self, moved: BookMoved) {
        self.held = moved.held;
        self.posted = moved.posted;
        self.put_grants(moved.grants);
    }

    fn release(
        &mut self,
        absent: Reservation,
        (released, returned): (Amount, Amount),
        reissued: &[Reissued],
        at: UnixMs,
    ) -> Result<(), Misfit> {
        let id = absent.id;
        let row = self.reservations.get(&id);
        let held = row.map_or(Amount::ZERO, Reservation::held);
        let charged = row.map_or(Amount::ZERO, Reservation::charged);
        if held != released || charged != returned {
            return Err(Misfit::WrongState("another amount was held or charged"));
        }
        let moved = self.moved_by(row, None, reissued)?;
        let seq = self.head.next_seq();
        let row = self.reservations.entry(id).or_insert(absent);
        row.state = State::Released(Freed {
            released: released.plus(returned)?,
            at,
            seq,
        });
        self.carry(moved);
        self.issue(reissued, at);
        Ok(())
    }

    fn expire(&mut self, expired: &Expired, at: UnixMs) -> Result<(), Misfit> {
        let seq = self.head.next_seq();
        let row = self.reservations.get(&expired.id);
        let moved = self.moved_by(row, Some(&expired.charge), &[])?;
        let row = self
            .reservations
            .get_mut(&expired.id)
            .filter(|row| row.state == State::Open)
            .ok_or(Misfit::WrongState("the reservation is not open"))?;
        row.state = State::Expired(Box::new(Posting {
            settlement: None,
            charge: expired.charge.clone(),
            released: expired.released,
            flags: expired.flags,
            at,
            seq,
            by: None,
            standing: None,
        }));
        self.carry(moved);
        Ok(())
    }
}

/// What a book is after money moved.
struct BookMoved {
    held: Amount,
    posted: Balance,
    grants: Vec<Moved>,
}

fn absent(present: bool, otherwise: &'static str) -> Result<(), Misfit> {
    if present {
        Err(Misfit::WrongState(otherwise))
    } else {
        Ok(())
    }
}

/// A row of which only the owner is known yet.
fn unseen(id: ReservationId, owner: &Owner) -> Reservation {
    Reservation {
        id,
        owner: owner.clone(),
        facts: None,
        offer: None,
        hold: None,
        state: State::Open,
        counted: Vec::new(),
    }
}
