//! Carrying out corrections.

use super::Misfit;
use crate::book::Book;
use crate::correction::{Corrected, PostedCorrection, Remedy};
use crate::flag::{Flag, Flags};
use crate::grant::{self, Moved};
use crate::reservation::{Charge, Freed, Posting, Reservation, Standing, State};
use crate::time::UnixMs;
use ferry_types::{Amount, Overflow, ReservationId};

impl Book {
    pub(super) fn correct(&mut self, corrected: &Corrected, at: UnixMs) -> Result<(), Misfit> {
        super::absent(
            self.corrections.contains_key(&corrected.id),
            "the correction is there already",
        )?;
        let (grants_given, grants_taken) = corrected.moves_grants();
        let grants = self.moved_grants(&[], (grants_given, &[]), grants_taken)?;
        let posted = self.posted_with(corrected.moves_balance()?, &grants)?;
        let grants = self.after_taking_back(corrected, grants)?;
        for new in &corrected.reissued {
            let known = self.grants.contains_key(&new.id);
            super::absent(known, "the grant is there already")?;
        }
        let seq = self.head.next_seq();
        self.correct_subject(corrected, at)?;
        self.posted = posted;
        self.put_grants(grants);
        self.issue(&corrected.reissued, at);
        let posted = PostedCorrection {
            correction: corrected.correction.clone(),
            absorbed: corrected.absorbed,
            reissued: corrected
                .reissued
                .iter()
                .map(|new| new.id.clone())
                .collect(),
            at,
            seq,
        };
        self.corrections.insert(corrected.id.clone(), posted);
        Ok(())
    }

    /// The grants that a correction touches, once it has taken a grant's payment back.
    fn after_taking_back(
        &self,
        corrected: &Corrected,
        mut moved: Vec<Moved>,
    ) -> Result<Vec<Moved>, Misfit> {
        let Some(id) = corrected.correction.remedy.grant() else {
            return Ok(moved);
        };
        let missing = Misfit::WrongState("there is no such grant");
        let was = self.grants.get(id).ok_or(missing)?;
        // What is free of it has paid a part, if there was any; it is the only one that has.
        let grant = moved.pop().map_or_else(|| was.clone(), |moved| moved.grant);
        let amount = corrected.correction.amount;
        let grant = grant.payment_taken_back(amount, corrected.on_balance()?)?;
        Ok(vec![Moved {
            id: id.clone(),
            grant,
            to_balance: Amount::ZERO,
            lapsed: Amount::ZERO,
        }])
    }

    /// Changes what is corrected; the last step that can fail.
    fn correct_subject(&mut self, corrected: &Corrected, at: UnixMs) -> Result<(), Misfit> {
        let amount = corrected.correction.amount;
        match &corrected.correction.remedy {
            Remedy::TopUpRefund(reference) | Remedy::Chargeback(reference) => {
                let missing = Misfit::WrongState("there is no such top-up");
                let top_up = self.top_ups.get_mut(reference).ok_or(missing)?;
                let taken_back = top_up.taken_back.plus(amount)?;
                if taken_back > top_up.amount {
                    return Err(Misfit::WrongState("more is taken back than came in"));
                }
                top_up.taken_back = taken_back;
                Ok(())
            }
            Remedy::WriteOff { .. } | Remedy::GrantRefund(_) | Remedy::GrantChargeback(_) => Ok(()),
            Remedy::Refund(id)
            | Remedy::Charge(id)
            | Remedy::SuspenseCharge(id)
            | Remedy::SuspenseWaiver(id) => {
                let missing = Misfit::WrongState("nothing was charged for the request");
                let row = self.reservations.get_mut(id);
                let posting = row.and_then(Reservation::posting_mut).ok_or(missing)?;
                posting.standing = Some(Box::new(posting.standing_after(corrected)?));
                Ok(())
            }
            Remedy::ParkedAccepted(id) => self.judge_parked(*id, |_, seq| {
                let released = Amount::ZERO;
                State::Released(Freed { released, at, seq })
            }),
            Remedy::ParkedDiscarded(id) => self.judge_parked(*id, |settlement, seq| {
                let attempts = settlement.attempts.len();
                State::Settled(Box::new(Posting {
                    settlement: Some(settlement),
                    charge: Charge::nothing(attempts),
                    released: Amount::ZERO,
                    flags: Flags::NONE.with(Flag::Discarded),
                    at,
                    seq,
                    by: None,
                    standing: Some(Box::new(Standing {
                        on_balance: Amount::ZERO,
                        grants: Vec::new(),
                        judged: Amount::ZERO,
                    })),
                }))
            }),
        }
    }

    fn judge_parked(
        &mut self,
        id: ReservationId,
        to: impl FnOnce(ferry_types::Settlement, u64) -> State,
    ) -> Result<(), Misfit> {
        let seq = self.head.next_seq();
        let row = self.reservations.get_mut(&id);
        let parked = row.and_then(|row| match &row.state {
            State::Parked(parked) => Some((parked.settlement.clone(), row)),
            State::Open | State::Settled(_) | State::Released(_) | State::Expired(_) => None,
        });
        let (settlement, row) = parked.ok_or(Misfit::WrongState("it is not parked"))?;
        row.state = to(settlement, seq);
        Ok(())
    }
}

impl Posting {
    /// What stands of it after one more correction.
    fn standing_after(&self, corrected: &Corrected) -> Result<Standing, Misfit> {
        let mut standing = self.standing()?;
        let on_balance = corrected.on_balance()?;
        match corrected.correction.remedy {
            Remedy::Refund(_) => {
                let left = standing.on_balance.minus(on_balance);
                standing.on_balance = left.ok_or(Overflow)?;
                for (grant, amount) in corrected.paid_by_grants() {
                    let own = standing.grants.iter_mut().find(|own| own.grant == *grant);
                    let own = own.ok_or(Misfit::WrongState("a grant gets what it has not paid"))?;
                    own.amount = own.amount.minus(amount).ok_or(Overflow)?;
                }
                standing.grants.retain(|own| !own.amount.is_zero());
            }
            Remedy::Charge(_) | Remedy::SuspenseCharge(_) => {
                standing.on_balance = standing.on_balance.plus(on_balance)?;
                for slice in &corrected.grants {
                    grant::add(&mut standing.grants, slice.clone())?;
                }
            }
            Remedy::SuspenseWaiver(_)
            | Remedy::TopUpRefund(_)
            | Remedy::Chargeback(_)
            | Remedy::GrantRefund(_)
            | Remedy::GrantChargeback(_)
            | Remedy::WriteOff { .. }
            | Remedy::ParkedAccepted(_)
            | Remedy::ParkedDiscarded(_) => {}
        }
        if matches!(
            corrected.correction.remedy,
            Remedy::SuspenseCharge(_) | Remedy::SuspenseWaiver(_)
        ) {
            let amount = corrected.correction.amount;
            if amount > self.suspended() {
                return Err(Misfit::WrongState("more is judged than is suspended"));
            }
            standing.judged = standing.judged.plus(amount)?;
        }
        Ok(standing)
    }
}
