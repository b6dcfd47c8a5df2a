//! What a person puts right. It counts once, and what it corrects is final.

use super::Naive;
use super::charge::{Paid, Standing};
use super::grants::{Slices, add, total};
use super::requests::{At, Row};
use crate::caller::Caller;
use crate::order::{CorrectionOrder, GrantKind, GrantName, GrantOrder, Remedy};
use crate::request::Request;
use crate::step::Offered;
use crate::told::Told;

/// How long a grant lives that stands for one that had ended.
const INSTEAD_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// A top-up as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paying {
    pub(super) units: i64,
    /// What of it went back.
    pub(super) back: i64,
    pub(super) seq: u64,
}

/// More than nothing, and no more than this.
const fn within(units: i64, most: i64) -> Result<(), Told> {
    match units {
        units if units > most => Err(Told::Exceeds(most)),
        0 => Err(Told::OutOfRange),
        _ => Ok(()),
    }
}

impl Naive {
    pub(super) fn correct(&mut self, order: CorrectionOrder) -> Told {
        if let Some((known, seq)) = self.corrections.get(&order.number) {
            return if *known == order {
                Told::Done {
                    seq: *seq,
                    changed: false,
                }
            } else {
                Told::Conflict
            };
        }
        let before = self.seq;
        if let Err(told) = self.put_right(order) {
            return told;
        }
        let seq = before + 1;
        self.corrections.insert(order.number, (order, seq));
        Told::Done { seq, changed: true }
    }

    fn put_right(&mut self, order: CorrectionOrder) -> Result<(), Told> {
        let units = order.units;
        match order.remedy {
            Remedy::Refund(request) => self.refund(order, request),
            Remedy::TopUpRefund(number) => {
                let free = (self.posted - self.held()).max(0);
                self.take_back(number, units, free)
            }
            Remedy::Chargeback(number) => self.take_back(number, units, i64::MAX),
            Remedy::GrantRefund(name) => {
                let free = self.paid_for(name)?;
                let over = self.grants.get(&name);
                let over = over.is_some_and(|grant| grant.has_ended(self.now));
                self.take_back_grant(name, units, if over { 0 } else { free })
            }
            Remedy::GrantChargeback(name) => {
                self.paid_for(name)?;
                self.take_back_grant(name, units, i64::MAX)
            }
            Remedy::WriteOff(entry) => {
                if entry == 0 || entry > self.seq {
                    return Err(Told::UnknownEntry);
                }
                within(units, (-self.posted).max(0))?;
                self.posted += units;
                self.seq += 1;
                Ok(())
            }
            Remedy::Charge(request) => {
                within(units, i64::MAX)?;
                self.charge_more(request, units, 0)
            }
            Remedy::SuspenseCharge(request) => {
                within(units, self.charged_row(request)?.in_suspense())?;
                self.charge_more(request, units, units)
            }
            Remedy::SuspenseWaiver(request) => {
                let row = self.charged_row(request)?;
                within(units, row.in_suspense())?;
                let mut standing = row.stands();
                standing.judged += units;
                self.stand(request, standing);
                Ok(())
            }
            Remedy::Accept(request) => self.accept(request, units),
            Remedy::Discard(request) => {
                self.parked(request, units)?;
                self.seq += 1;
                let seq = self.seq;
                self.with_row(request, |row| {
                    row.at = At::Settled;
                    row.seq = seq;
                    row.released = 0;
                    row.flags = ["discarded"].into();
                    row.standing = Some(row.stands());
                });
                Ok(())
            }
        }
    }

    /// Money of a payment leaves.
    fn take_back(&mut self, number: u64, units: i64, most: i64) -> Result<(), Told> {
        let paying = self.top_ups.get_mut(&number).ok_or(Told::UnknownTopUp)?;
        within(units, most.min(paying.units - paying.back))?;
        paying.back += units;
        self.posted -= units;
        self.seq += 1;
        Ok(())
    }

    /// What is free of a grant that somebody paid for.
    fn paid_for(&self, name: GrantName) -> Result<i64, Told> {
        let grant = self.grants.get(&name).ok_or(Told::UnknownGrant)?;
        match grant.order.kind {
            GrantKind::Paid => Ok(grant.free()),
            GrantKind::Promotional | GrantKind::Refund => Err(Told::NotPaidFor),
        }
    }

    /// Money of a grant's payment leaves: first what is free of it, and then the balance lends the rest.
    fn take_back_grant(&mut self, name: GrantName, units: i64, most: i64) -> Result<(), Told> {
        let free = self.paid_for(name)?;
        let grant = self.grants.get(&name).ok_or(Told::UnknownGrant)?;
        within(units, most.min(grant.order.units - grant.taken_back))?;
        let own = units.min(free);
        self.with_grant(name, |grant| {
            grant.taken_back += units;
            grant.remaining -= own;
            grant.lent += units - own;
        });
        self.posted -= units - own;
        self.seq += 1;
        Ok(())
    }

    /// A request that was charged, if only nothing.
    fn charged_row(&self, request: Request) -> Result<&Row, Told> {
        let row = self.rows.get(&request);
        let charged = row.filter(|row| matches!(row.at, At::Settled | At::Expired));
        charged.ok_or(Told::UnknownRequest)
    }

    /// Back to the balance, which had paid last, and then to the grants from the last; to a new one where a grant has ended.
    fn refund(&mut self, order: CorrectionOrder, request: Request) -> Result<(), Told> {
        let mut standing = self.charged_row(request)?.stands();
        within(order.units, standing.on_balance + total(&standing.slices))?;
        self.seq += 1;
        let to_balance = order.units.min(standing.on_balance);
        standing.on_balance -= to_balance;
        self.posted += to_balance;
        let mut left = order.units - to_balance;
        let mut parts = 0;
        for (name, paid) in standing.slices.iter_mut().rev() {
            let units = left.min(*paid);
            *paid -= units;
            left -= units;
            match self.grants.get(name) {
                _ if units == 0 => {}
                Some(grant) if grant.has_ended(self.now) => {
                    let (order_of, through) = (grant.order, units.min(grant.lent));
                    self.move_grants(&Slices::new(), &vec![(*name, through)], &Slices::new());
                    if units == through {
                        continue;
                    }
                    parts += 1;
                    let instead = GrantName::InsteadOf {
                        correction: order.number,
                        part: parts,
                    };
                    let instead = self.instead_of(order_of, instead, units - through);
                    self.issue(instead, self.now);
                }
                _ => self.move_grants(&Slices::new(), &vec![(*name, units)], &Slices::new()),
            }
        }
        standing.slices.retain(|(_, paid)| *paid > 0);
        self.with_row(request, |row| row.standing = Some(standing));
        Ok(())
    }

    pub(super) const fn instead_of(
        &self,
        ended: GrantOrder,
        name: GrantName,
        units: i64,
    ) -> GrantOrder {
        GrantOrder {
            name,
            kind: match ended.kind {
                GrantKind::Promotional => GrantKind::Promotional,
                GrantKind::Paid | GrantKind::Refund => GrantKind::Refund,
            },
            starts_ms: Some(self.now),
            ends_ms: Some(self.now + INSTEAD_MS),
            units,
            ..ended
        }
    }

    fn charge_more(&mut self, request: Request, units: i64, judged: i64) -> Result<(), Told> {
        let row = self.charged_row(request)?;
        if row.is_shadow(request) {
            return Err(Told::UnknownRequest);
        }
        // Of what was never priced nobody knows which grants would suit.
        let suits = row.priced;
        let mut standing = row.stands();
        let Paid {
            slices,
            on_balance,
            absorbed: _,
        } = self.pay(units, &Slices::new(), 0, suits);
        self.move_grants(&Slices::new(), &Slices::new(), &slices);
        self.posted -= on_balance;
        standing.on_balance += on_balance;
        standing.judged += judged;
        add(&mut standing.slices, slices);
        self.stand(request, standing);
        Ok(())
    }

    /// The judgement is an entry, and the charge that it lets through is the next.
    fn accept(&mut self, request: Request, units: i64) -> Result<(), Told> {
        let row = self.parked(request, units)?;
        let evidence = row.told.ok_or(Told::Unexpected)?;
        // A person says so, whoever said it first.
        let by = Caller {
            recovered: false,
            ..row.by
        };
        let from = row.before;
        self.seq += 1;
        self.post(request, by, (evidence, Offered::Releasing), Some(from));
        Ok(())
    }

    fn parked(&self, request: Request, units: i64) -> Result<&Row, Told> {
        if units > 0 {
            return Err(Told::Exceeds(0));
        }
        let row = self.rows.get(&request);
        let parked = row.filter(|row| row.at == At::Parked);
        parked.ok_or(Told::NotParked)
    }

    fn stand(&mut self, request: Request, standing: Standing) {
        self.seq += 1;
        self.with_row(request, |row| row.standing = Some(standing));
    }

    pub(super) fn with_row(&mut self, request: Request, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows.get_mut(&request) {
            change(row);
        }
    }
}

impl Row {
    /// What waits for a person: of what is in shadow mode, nothing.
    fn in_suspense(&self) -> i64 {
        if self.flags.contains("shadow") {
            return 0;
        }
        self.suspended - self.stands().judged
    }
}
