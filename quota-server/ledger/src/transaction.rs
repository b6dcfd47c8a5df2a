//! What an event moves between accounts: its lines, which sum to zero in each currency.
//!
//! A line's amount is positive for a debit and negative for a credit. Lines follow from the event and the book before it, and
//! from nothing else, so that `verify` derives them again. What replaces an earlier charge takes that back line by line.

use crate::account::Account;
use crate::book::Book;
use crate::correction::{Corrected, Remedy};
use crate::decide::last_evidence;
use crate::event::{Event, Expired, Settled};
use crate::flag::{Flag, Flags};
use crate::grant::{Grant, GrantKind, GrantSlice, Moved};
use crate::offer::Offer;
use crate::reissue::Reissued;
use crate::reseller::collected;
use crate::reservation::{Charge, Posting, Reservation};
use crate::time::UnixMs;
use crate::transfer::Transferred;
use ferry_types::{Amount, Balance, Currency, GrantId, Overflow};
use std::sync::Arc;

/// One debit or credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where.
    pub account: Account,
    /// In what.
    pub currency: Currency,
    /// Units of the currency: a debit above zero, a credit below.
    pub amount: i64,
}

/// The lines of one entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// When what is posted took place: a request's own time, else that of the entry.
    pub occurred_at: UnixMs,
    /// In the order of their making; none if no money moves.
    pub lines: Vec<Line>,
    /// What its reseller's share leaves below a unit; `None` if there is no share of it.
    pub carry: Option<u16>,
}

impl Transaction {
    /// What `event` moves in a book that is as `before`, posted at this time.
    ///
    /// # Errors
    /// [`Overflow`] if a line, or the balance after it, cannot be stored.
    pub fn of(event: &Event, before: &Book, at: UnixMs) -> Result<Self, Overflow> {
        let mut lines = Lines {
            currency: before.currency,
            given: Amount::ZERO,
            taken: Amount::ZERO,
            list: Vec::new(),
        };
        match event {
            Event::ToppedUp(topped_up) => {
                lines.give(topped_up.amount)?;
                lines.debit(Account::Clearing, topped_up.amount)?;
            }
            Event::Transferred(transferred) => {
                let (given, taken) = transferred.moves_balance();
                lines.give(given)?;
                lines.take(taken)?;
                lines.debit(Transferred::BETWEEN, given)?;
                lines.credit(Transferred::BETWEEN, taken)?;
            }
            Event::Settled(settled) | Event::Adjusted(settled) => lines.settle(settled, before)?,
            Event::Expired(expired) => lines.expire(expired, before)?,
            Event::Released { id, reissued, .. } => {
                let row = before.reservations.get(id);
                lines.take_back(row)?;
                lines.move_grants(before, row, &[], reissued)?;
            }
            Event::GrantIssued { id, grant, .. } => {
                let from = match grant.kind {
                    GrantKind::Paid => Account::Clearing,
                    GrantKind::Promotional => Account::Promotion,
                    GrantKind::Refund => Account::Usage,
                };
                lines.debit(from, grant.amount)?;
                lines.post(Account::Grant(id.clone()), grant.amount, Side::TakeBack)?;
            }
            Event::GrantExpired { id, lapsed } => {
                lines.debit(Account::Grant(id.clone()), *lapsed)?;
                lines.lapse(before.grants.get(id), *lapsed)?;
            }
            Event::Corrected(corrected) => lines.correct(corrected, before)?,
            Event::TenantOpened { .. }
            | Event::TenantStateSet(_)
            | Event::TenantClosed(_)
            | Event::OverageSet(_)
            | Event::ResellerSet(_)
            | Event::ZoneSet(_)
            | Event::LimitSet { .. }
            | Event::LimitRemoved(_)
            | Event::KeyIssued { .. }
            | Event::KeyStateSet { .. }
            | Event::Reserved(_)
            | Event::Renewed { .. }
            | Event::Parked(_)
            | Event::MonthSealed(_)
            | Event::Thawed(_) => {}
        }
        // What is put right is put right now: it changes no day that is over.
        let is_correction = matches!(event, Event::Corrected(_));
        let request = event.reservation().filter(|_| !is_correction);
        lines.move_balance(before.posted)?;
        let carry = lines.share(event, before)?;
        Ok(Self {
            occurred_at: request.map_or(at, |id| UnixMs(id.unix_ms())),
            lines: lines.list,
            carry,
        })
    }
}

/// What kind of credit a grant is, one that this event issues included.
fn kind_of(grant: &GrantId, event: &Event, before: &Book) -> Option<GrantKind> {
    if let Some(known) = before.grants.get(grant) {
        return Some(known.kind);
    }
    if let Some(new) = event.reissued().iter().find(|new| new.id == *grant) {
        return Some(new.grant.kind);
    }
    if let Event::GrantIssued { grant: issued, .. } = event {
        return Some(issued.kind);
    }
    None
}

/// Lines being made.
struct Lines {
    currency: Currency,
    /// To the tenant's balance.
    given: Amount,
    /// From the tenant's balance.
    taken: Amount,
    list: Vec<Line>,
}

/// A charge, and who is paid for it.
struct Charged<'a> {
    charge: &'a Charge,
    flags: Flags,
    providers: Vec<&'a str>,
    /// What they are paid in.
    cost_currency: Currency,
}

impl<'a> Charged<'a> {
    fn of_posting(
        posting: &'a Posting,
        evidence: &'a [ferry_types::Attempt],
        cost_currency: Currency,
    ) -> Self {
        let attempts = match &posting.settlement {
            Some(settlement) => &settlement.attempts,
            None => evidence,
        };
        Self {
            charge: &posting.charge,
            flags: posting.flags,
            providers: attempts.iter().map(|a| a.provider.as_str()).collect(),
            cost_currency,
        }
    }

    /// What was left to a person; in shadow mode that is only recorded.
    fn suspended(&self) -> Amount {
        if self.flags.has(Flag::Shadow) {
            Amount::ZERO
        } else {
            self.charge.suspended
        }
    }
}

/// Whether lines are made, or unmade.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Post,
    TakeBack,
}

impl Lines {
    fn settle(&mut self, settled: &Settled, before: &Book) -> Result<(), Overflow> {
        let row = before.reservations.get(&settled.id);
        self.take_back(row)?;
        self.move_grants(before, row, &settled.charge.grants, &settled.reissued)?;
        let attempts = settled.settlement.attempts.iter();
        let pinned = row.and_then(|row| row.offer.as_ref());
        let cost_currency = self.cost_currency(pinned.or(settled.offer.as_ref()));
        self.charge(
            &Charged {
                charge: &settled.charge,
                flags: settled.flags,
                providers: attempts.map(|a| a.provider.as_str()).collect(),
                cost_currency,
            },
            Side::Post,
        )
    }

    fn expire(&mut self, expired: &Expired, before: &Book) -> Result<(), Overflow> {
        let row = before.reservations.get(&expired.id);
        let evidence = row.map(evidence).unwrap_or_default();
        let cost_currency = self.cost_currency(row.and_then(|row| row.offer.as_ref()));
        self.move_grants(before, row, &expired.charge.grants, &[])?;
        self.charge(
            &Charged {
                charge: &expired.charge,
                flags: expired.flags,
                providers: evidence.iter().map(|a| a.provider.as_str()).collect(),
                cost_currency,
            },
            Side::Post,
        )
    }

    fn correct(&mut self, corrected: &Corrected, before: &Book) -> Result<(), Overflow> {
        let (given, taken) = corrected.moves_balance()?;
        self.give(given)?;
        self.take(taken)?;
        let (grants_given, grants_taken) = corrected.moves_grants();
        for slice in grants_given {
            self.credit(Account::Grant(slice.grant.clone()), slice.amount)?;
        }
        for slice in grants_taken {
            self.debit(Account::Grant(slice.grant.clone()), slice.amount)?;
        }
        for moved in before.moved_grants(&[], (grants_given, &[]), grants_taken)? {
            self.debit(Account::Grant(moved.id), moved.to_balance)?;
            self.give(moved.to_balance)?;
        }
        self.issue(&corrected.reissued)?;
        self.debit(Account::WriteOff, corrected.absorbed)?;
        let amount = corrected.correction.amount;
        match corrected.correction.remedy {
            Remedy::Refund(_) => self.debit(Account::Usage, amount),
            Remedy::Charge(_) => self.credit(Account::Usage, amount),
            Remedy::TopUpRefund(_)
            | Remedy::Chargeback(_)
            | Remedy::GrantRefund(_)
            | Remedy::GrantChargeback(_) => self.credit(Account::Clearing, amount),
            Remedy::WriteOff { .. } => self.debit(Account::WriteOff, amount),
            Remedy::SuspenseCharge(_) => self.credit(Account::Unpriced, amount),
            Remedy::SuspenseWaiver(_) => {
                self.debit(Account::WriteOff, amount)?;
                self.credit(Account::Unpriced, amount)
            }
            // Its settlement is an entry of its own.
            Remedy::ParkedAccepted(_) | Remedy::ParkedDiscarded(_) => Ok(()),
        }
    }

    /// Takes back what was charged for a reservation so far.
    fn take_back(&mut self, row: Option<&Reservation>) -> Result<(), Overflow> {
        let Some((row, posting)) = row.and_then(|row| Some((row, row.posting()?))) else {
            return Ok(());
        };
        let evidence = evidence(row);
        let cost_currency = self.cost_currency(row.offer.as_ref());
        let charged = Charged::of_posting(posting, &evidence, cost_currency);
        self.charge(&charged, Side::TakeBack)
    }

    /// What providers are paid in; without an offer they are paid nothing.
    fn cost_currency(&self, offer: Option<&Arc<Offer>>) -> Currency {
        offer.map_or(self.currency, |offer| offer.cost_currency())
    }

    fn charge(&mut self, charged: &Charged<'_>, side: Side) -> Result<(), Overflow> {
        let (charge, suspended) = (charged.charge, charged.suspended());
        let revenue = charge.charged.plus(charge.absorbed)?.plus(suspended)?;
        let on_balance = charge.on_balance()?;
        match side {
            Side::Post => self.take(on_balance)?,
            Side::TakeBack => self.give(on_balance)?,
        }
        self.post(Account::WriteOff, charge.absorbed, side)?;
        self.post(Account::Unpriced, suspended, side)?;
        self.post(Account::Usage, revenue, side.other())?;
        let costs = charged.charge.costs.iter();
        for (cost, provider) in costs.zip(&charged.providers) {
            let currency = charged.cost_currency;
            let payable = Account::ProviderPayable((*provider).to_owned());
            self.push_in(currency, Account::ProviderCost, side.of(*cost)?);
            self.push_in(currency, payable, side.other().of(*cost)?);
        }
        Ok(())
    }

    /// The grants that a reservation's end touches: what they pay or get back, and what of it lapses.
    fn move_grants(
        &mut self,
        before: &Book,
        row: Option<&Reservation>,
        taken: &[GrantSlice],
        reissued: &[Reissued],
    ) -> Result<(), Overflow> {
        let moved = before.moved_grants(
            row.map_or(&[], Reservation::held_of_grants),
            (row.map_or(&[], Reservation::charged_to_grants), reissued),
            taken,
        )?;
        for Moved {
            id,
            grant,
            to_balance,
            lapsed,
        } in moved
        {
            let was = before.grants.get(&id);
            let remaining = was.map_or(Amount::ZERO, |was| was.remaining).units();
            let fell = remaining.checked_sub(grant.remaining.units());
            self.push(Account::Grant(id), fell.ok_or(Overflow)?);
            self.give(to_balance)?;
            self.lapse(was, lapsed)?;
        }
        self.issue(reissued)
    }

    /// Credit in the place of what has ended.
    fn issue(&mut self, reissued: &[Reissued]) -> Result<(), Overflow> {
        for new in reissued {
            self.credit(Account::Grant(new.id.clone()), new.grant.amount)?;
        }
        Ok(())
    }

    /// Where the credit goes that ends unused.
    fn lapse(&mut self, grant: Option<&Grant>, lapsed: Amount) -> Result<(), Overflow> {
        let to = match grant.map(|grant| grant.kind) {
            Some(GrantKind::Promotional) => Account::Promotion,
            Some(GrantKind::Paid | GrantKind::Refund) | None => Account::Breakage,
        };
        self.post(to, lapsed, Side::TakeBack)
    }

    /// The tenant's balance rises.
    fn give(&mut self, amount: Amount) -> Result<(), Overflow> {
        self.given = self.given.plus(amount)?;
        Ok(())
    }

    /// The tenant's balance falls.
    fn take(&mut self, amount: Amount) -> Result<(), Overflow> {
        self.taken = self.taken.plus(amount)?;
        Ok(())
    }

    fn debit(&mut self, account: Account, amount: Amount) -> Result<(), Overflow> {
        self.post(account, amount, Side::Post)
    }

    fn credit(&mut self, account: Account, amount: Amount) -> Result<(), Overflow> {
        self.post(account, amount, Side::TakeBack)
    }

    /// A debit, or the credit that takes it back.
    fn post(&mut self, account: Account, amount: Amount, side: Side) -> Result<(), Overflow> {
        self.push(account, side.of(amount)?);
        Ok(())
    }

    fn push(&mut self, account: Account, amount: i64) {
        self.push_in(self.currency, account, amount);
    }

    fn push_in(&mut self, currency: Currency, account: Account, amount: i64) {
        if amount != 0 {
            self.list.push(Line {
                account,
                currency,
                amount,
            });
        }
    }

    /// Adds what the reseller gets of it.
    fn share(&mut self, event: &Event, before: &Book) -> Result<Option<u16>, Overflow> {
        let Some(reseller) = before.reseller.as_ref().filter(|_| !self.list.is_empty()) else {
            return Ok(None);
        };
        let collected = collected(&self.list, |grant| kind_of(grant, event, before));
        let (share, carry) = reseller.accrue(collected)?;
        self.push(Account::ResellerShare, share);
        let payable = Account::ResellerPayable(reseller.name.clone());
        self.push(payable, share.checked_neg().ok_or(Overflow)?);
        Ok(Some(carry))
    }

    /// Adds how the balance moved: above zero it is a liability, below zero it is owed to us.
    fn move_balance(&mut self, before: Balance) -> Result<(), Overflow> {
        let after = before.moved(self.given, self.taken)?.units();
        let before = before.units();
        let fall = |before: i64, after: i64| before.checked_sub(after).ok_or(Overflow);
        let prepaid = fall(before.max(0), after.max(0))?;
        let receivable = fall(before.min(0), after.min(0))?;
        self.push(Account::Prepaid, prepaid);
        self.push(Account::Receivable, receivable);
        Ok(())
    }
}

impl Side {
    fn of(self, amount: Amount) -> Result<i64, Overflow> {
        match self {
            Self::Post => Ok(amount.units()),
            Self::TakeBack => amount.units().checked_neg().ok_or(Overflow),
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Post => Self::TakeBack,
            Self::TakeBack => Self::Post,
        }
    }
}

fn evidence(row: &Reservation) -> Vec<ferry_types::Attempt> {
    let hold = row.hold.as_ref();
    hold.map(|hold| last_evidence(row, hold))
        .unwrap_or_default()
}
