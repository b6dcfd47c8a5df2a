//! Carrying out holds: money is put aside, kept, and more of it.

use super::{Misfit, absent};
use crate::book::Book;
use crate::event::{Raised, Reserved};
use crate::grant::{self, Grant, GrantSlice};
use crate::reservation::{Hold, Reservation, State};
use crate::time::UnixMs;
use ferry_types::{Amount, ReservationId, Usage};

impl Book {
    pub(super) fn reserve(&mut self, reserved: &Reserved, at: UnixMs) -> Result<(), Misfit> {
        absent(
            self.reservations.contains_key(&reserved.id),
            "the reservation is there already",
        )?;
        let row = Reservation {
            id: reserved.id,
            owner: reserved.owner.clone(),
            facts: Some(reserved.facts.clone()),
            offer: Some(reserved.offer.clone()),
            hold: Some(Hold {
                granted_at: at,
                seq: self.head.next_seq(),
                reserved: reserved.reserved,
                output_tokens_max: reserved.output_tokens_max,
                clamped: reserved.clamped,
                lease_until: reserved.lease_until,
                used: None,
                would_refuse: reserved.would_refuse.clone(),
                grants: reserved.grants.clone(),
                first: None,
            }),
            state: State::Open,
            counted: reserved.counts.counted.clone(),
        };
        let held = self.held.plus(row.held_on_balance()?)?;
        self.hold_of_grants(&reserved.grants)?;
        self.held = held;
        self.reservations.insert(row.id, row);
        Ok(())
    }

    /// Holds slices of grants; the last step that can fail.
    fn hold_of_grants(&mut self, slices: &[GrantSlice]) -> Result<(), Misfit> {
        for slice in slices {
            let grant = self.grants.get(&slice.grant);
            let free = grant.map_or(Amount::ZERO, Grant::free);
            if slice.amount > free {
                return Err(Misfit::WrongState("a grant has less than is drawn from it"));
            }
        }
        for slice in slices {
            if let Some(grant) = self.grants.get_mut(&slice.grant) {
                grant.held = grant.held.plus(slice.amount)?;
            }
        }
        Ok(())
    }

    /// Holds more for an open reservation.
    fn raise(&mut self, id: ReservationId, raised: &Raised) -> Result<(), Misfit> {
        let missing = Misfit::WrongState("the reservation is not open");
        let mut row = self.reservations.get(&id).ok_or(missing)?.clone();
        let held = self.held.minus(row.held_on_balance()?);
        let held = held.ok_or(Misfit::FreedMoreThanHeld)?;
        let hold = row.hold.as_mut();
        let hold = hold.ok_or(Misfit::WrongState("the reservation is not open"))?;
        if raised.reserved < hold.reserved {
            return Err(Misfit::WrongState("a target lowers what is held"));
        }
        hold.first = Some(hold.first());
        hold.reserved = raised.reserved;
        hold.output_tokens_max = raised.output_tokens_max;
        for slice in &raised.grants {
            grant::add(&mut hold.grants, slice.clone())?;
        }
        let held = held.plus(row.held_on_balance()?)?;
        self.hold_of_grants(&raised.grants)?;
        self.held = held;
        self.reservations.insert(id, row);
        Ok(())
    }

    /// Extends a lease, with what was used so far, and holds more if it says so.
    pub(super) fn renew(
        &mut self,
        id: ReservationId,
        (used, lease_until): (Option<Usage>, UnixMs),
        raised: Option<&Raised>,
    ) -> Result<(), Misfit> {
        if let Some(raised) = raised {
            self.raise(id, raised)?;
        }
        let hold = self.open_hold(id)?;
        hold.used = used;
        hold.lease_until = lease_until;
        Ok(())
    }

    fn open_hold(&mut self, id: ReservationId) -> Result<&mut Hold, Misfit> {
        let row = self.reservations.get_mut(&id);
        match row.map(|row| (&row.state, &mut row.hold)) {
            Some((State::Open, Some(hold))) => Ok(hold),
            Some(_) | None => Err(Misfit::WrongState("the reservation is not open")),
        }
    }
}
