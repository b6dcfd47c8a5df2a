//! What a book has earned and what that has cost, in total: once by its lines, once by its usage records. Both must be the same.

use crate::account::Account;
use crate::book::Book;
use crate::correction::{PostedCorrection, Remedy};
use crate::flag::Flag;
use crate::grant::GrantKind;
use crate::reservation::Posting;
use crate::transaction::Transaction;
use ferry_types::{Amount, Currency};

/// Sums over a whole book, in units of its currency. Far from overflow: a sum of 2^63 amounts still fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// What requests came to.
    usage: i128,
    /// What of it was written off.
    written_off: i128,
    /// What of it waits for a person.
    suspended: i128,
    /// What providers take for them, in each currency in the order of their codes.
    costs: [i128; Currency::ALL.len()],
}

impl Totals {
    /// Of an empty book.
    pub const ZERO: Self = Self {
        usage: 0,
        written_off: 0,
        suspended: 0,
        costs: [0; Currency::ALL.len()],
    };

    /// Adds the lines of one entry.
    pub fn add(&mut self, transaction: &Transaction) {
        for line in &transaction.lines {
            let amount = i128::from(line.amount);
            match line.account {
                // Revenue is a credit.
                Account::Usage => self.usage = self.usage.saturating_sub(amount),
                Account::WriteOff => self.written_off = self.written_off.saturating_add(amount),
                Account::Unpriced => self.suspended = self.suspended.saturating_add(amount),
                Account::ProviderCost => self.cost(line.currency, amount),
                Account::Clearing
                | Account::Transfer
                | Account::Receivable
                | Account::Prepaid
                | Account::Grant(_)
                | Account::ProviderPayable(_)
                | Account::ResellerPayable(_)
                | Account::ResellerShare
                | Account::Breakage
                | Account::Promotion
                | Account::ProviderPrepaid(_)
                | Account::Rounding
                | Account::Variance
                | Account::Exchange(..) => {}
            }
        }
    }

    /// By the usage records and what a person corrected: of everything that was charged and stands, less what was refunded as
    /// credit. Only for a book that has all of them in view.
    #[must_use]
    pub fn of_records(book: &Book) -> Self {
        let mut totals = Self::ZERO;
        for row in book.reservations.values() {
            if let Some(posting) = row.posting() {
                let offer = row.offer.as_ref();
                let currency = offer.map_or(book.currency, |offer| offer.cost_currency());
                totals.add_record(posting, currency);
            }
        }
        // A grant in place of charges took its amount out of revenue: no usage record tells of that. One in the place of an ended
        // grant is counted with what gave the money back.
        for grant in book.grants.values() {
            if grant.kind == GrantKind::Refund && grant.instead_of.is_none() {
                totals.usage = sum(totals.usage, grant.amount, -1);
            }
        }
        let corrections = book.corrections.values();
        corrections.for_each(|posted| totals.add_correction(posted));
        totals
    }

    fn add_correction(&mut self, posted: &PostedCorrection) {
        let amount = posted.correction.amount;
        self.written_off = sum(self.written_off, posted.absorbed, 1);
        match posted.correction.remedy {
            Remedy::Refund(_) => self.usage = sum(self.usage, amount, -1),
            Remedy::Charge(_) => self.usage = sum(self.usage, amount, 1),
            Remedy::WriteOff { .. } => self.written_off = sum(self.written_off, amount, 1),
            Remedy::SuspenseCharge(_) => self.suspended = sum(self.suspended, amount, -1),
            Remedy::SuspenseWaiver(_) => {
                self.suspended = sum(self.suspended, amount, -1);
                self.written_off = sum(self.written_off, amount, 1);
            }
            Remedy::TopUpRefund(_)
            | Remedy::Chargeback(_)
            | Remedy::GrantRefund(_)
            | Remedy::GrantChargeback(_)
            | Remedy::ParkedAccepted(_)
            | Remedy::ParkedDiscarded(_) => {}
        }
    }

    fn cost(&mut self, currency: Currency, amount: i128) {
        let known = Currency::ALL.iter().zip(&mut self.costs);
        for (_, sum) in known.filter(|(known, _)| **known == currency) {
            *sum = sum.saturating_add(amount);
        }
    }

    fn add_record(&mut self, posting: &Posting, cost_currency: Currency) {
        let add = |sum: &mut i128, amount: Amount| {
            *sum = sum.saturating_add(i128::from(amount.units()));
        };
        let charge = &posting.charge;
        add(&mut self.usage, charge.charged);
        add(&mut self.usage, charge.absorbed);
        add(&mut self.written_off, charge.absorbed);
        // In shadow mode it is only recorded: there are no lines of it.
        if !posting.flags.has(Flag::Shadow) {
            add(&mut self.usage, charge.suspended);
            add(&mut self.suspended, charge.suspended);
        }
        for cost in &charge.costs {
            self.cost(cost_currency, i128::from(cost.units()));
        }
    }
}

/// Adds an amount so many times.
fn sum(to: i128, amount: Amount, times: i128) -> i128 {
    to.saturating_add(i128::from(amount.units()).saturating_mul(times))
}
