//! What operators and people ask, at random. One in a few is told of again, and one of these with other content.

use crate::caller::Key;
use crate::chance::Chance;
use crate::limit::{Each, LimitOrder, Measure, Span, Zone};
use crate::order::{
    CorrectionOrder, GrantKind, GrantName, GrantOrder, KeyOrder, KeyState, Policy, Remedy,
    TopUpOrder, TransferOrder,
};
use crate::request::Request;
use crate::step::Step;

/// Numbers of transfers are drawn from so many: two books seldom draw the same.
const TRANSFERS: u64 = 10_000;
/// Or from so few: then they often do, and mean two different ones.
const TRANSFERS_FEW: u64 = 20;

/// So many names of limits are in use.
const LIMITS: u64 = 5;
/// So many keys are in use at a time.
const KEYS_RECENT: u64 = 3;
/// Payments of one book are numbered from its own number times this on.
const PAYMENTS: u64 = 1_000_000;

/// Requests that a correction may be about.
pub(super) struct About {
    /// One that may have been charged.
    pub(super) request: Request,
    /// One that was too old to be judged.
    pub(super) old: Request,
    /// One that may be kept for a person.
    pub(super) parked: Request,
    /// One of which something may lie in suspense.
    pub(super) beyond: Request,
}

/// What was ordered so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    /// Of this book.
    book: u64,
    top_ups: u64,
    grants: u64,
    corrections: u64,
    /// Beside the first.
    keys: u8,
    last_key: Option<KeyOrder>,
    last_grant: Option<GrantOrder>,
    last_correction: Option<CorrectionOrder>,
    last_transfer: Option<TransferOrder>,
}

impl Orders {
    pub(super) fn of(book: usize) -> Self {
        Self {
            book: book as u64,
            ..Self::default()
        }
    }

    pub(super) fn any(&mut self, now: u64, chance: &mut Chance) -> Step {
        match chance.below(26) {
            0..7 => Step::TopUp(self.top_up(chance)),
            7..11 => Step::Grant(self.grant(now, chance)),
            // It is resumed more often than it is paused.
            11 => Step::Pause(chance.once_in(12)),
            12..15 => self.key_state(chance),
            15 => Step::Reseller((!chance.once_in(4)).then(|| (chance.below(3) * 1_234) as u16)),
            16..18 => Step::Overage(match chance.below(3) {
                0 => Policy::Debt,
                1 => Policy::Credit(chance.below(400).cast_signed() + 1),
                _ => Policy::Absorb,
            }),
            18..22 => Step::SetLimit(self.limit(chance)),
            22..25 => Step::RemoveLimit(chance.below(LIMITS) as u8),
            _ => Step::Zone(match chance.below(3) {
                0 => Zone::Utc,
                1 => Zone::Kolkata,
                _ => Zone::NewYork,
            }),
        }
    }

    /// One of few names, so that a limit is often there already; mostly of a short time, so that it lets something through again.
    fn limit(&self, chance: &mut Chance) -> LimitOrder {
        let name = chance.below(LIMITS) as u8;
        // The same name mostly counts the same.
        let kind = if chance.once_in(4) {
            chance.below(60)
        } else {
            u64::from(name) * 7 + self.book
        };
        let (measure, few) = match kind % 5 {
            0 => (Measure::Requests, 8),
            1 => (Measure::Input, 120),
            2 => (Measure::Output, 300),
            3 => (Measure::Tokens, 400),
            _ => (Measure::Money, 900),
        };
        let span = match kind % 11 {
            0..2 => Span::AtOnce,
            2..6 => Span::Minute,
            6 => Span::Hour,
            7 => Span::Day,
            8 => Span::Week,
            9 => Span::Month,
            _ => Span::Lifetime,
        };
        let each = match kind % 7 {
            0..2 => Each::User,
            2 => Each::Key,
            3 => Each::Model,
            _ => Each::Nothing,
        };
        let long = match span {
            Span::AtOnce | Span::Minute => 1,
            Span::Hour | Span::Day => 6,
            Span::Week | Span::Month | Span::Lifetime => 30,
        };
        LimitOrder {
            name,
            measure,
            span,
            each,
            key: chance.once_in(12).then(|| match chance.below(4) {
                0 => self.next_key(),
                _ => self.recent_key(chance),
            }),
            user: chance.once_in(8).then(|| chance.below(3) as u8 + 1),
            elsewhere: chance.once_in(20),
            bound: (chance.below(few) * long).cast_signed(),
            most: chance.below(4) as u32,
        }
    }

    /// A further key; every third ends by itself.
    pub(super) fn key(&mut self, now: u64, chance: &mut Chance) -> KeyOrder {
        let full = self.next_key().0 + 1 >= Key::COUNT;
        if let Some(last) = self.last_key.filter(|_| full || chance.once_in(4)) {
            let other = last.other || chance.once_in(3);
            return KeyOrder { other, ..last };
        }
        let order = KeyOrder {
            key: self.next_key(),
            other: false,
            ends_ms: chance.once_in(3).then(|| now + chance.below(900_000)),
        };
        self.keys += 1;
        self.last_key = Some(order);
        order
    }

    /// Keys are resumed more often than they are paused; those that are revoked are mostly older ones.
    fn key_state(&self, chance: &mut Chance) -> Step {
        match chance.below(12) {
            0 => Step::SetKey(self.known_key(chance), KeyState::Revoked),
            1 => Step::SetKey(self.recent_key(chance), KeyState::Revoked),
            2..4 => Step::SetKey(self.recent_key(chance), KeyState::Paused),
            4 => Step::SetKey(self.next_key(), KeyState::Paused),
            5 => Step::SetKey(self.known_key(chance), KeyState::Active),
            _ => Step::SetKey(self.recent_key(chance), KeyState::Active),
        }
    }

    /// The next one, which nobody has made yet.
    pub(super) const fn next_key(&self) -> Key {
        Key(self.keys + 1)
    }

    /// Any that was made.
    pub(super) const fn known_key(&self, chance: &mut Chance) -> Key {
        Key(chance.below(self.keys as u64 + 1) as u8)
    }

    /// One of the last that were made.
    pub(super) const fn recent_key(&self, chance: &mut Chance) -> Key {
        Key(self.keys.saturating_sub(chance.below(KEYS_RECENT) as u8))
    }

    fn top_up(&mut self, chance: &mut Chance) -> TopUpOrder {
        let again = self.top_ups > 0 && chance.once_in(5);
        let number = if again {
            let known = chance.below(self.top_ups);
            // Now and then the payment of that number that the next book has.
            let book = self.book + u64::from(known % 3 == 2);
            book * PAYMENTS + known
        } else {
            self.top_ups += 1;
            self.payment(self.top_ups - 1)
        };
        let off = i64::from(again && chance.once_in(3));
        TopUpOrder {
            number,
            units: (number % 7).cast_signed() * 150 + 50 + off,
        }
    }

    const fn payment(&self, number: u64) -> u64 {
        self.book * PAYMENTS + number
    }

    fn grant(&mut self, now: u64, chance: &mut Chance) -> GrantOrder {
        if let Some(last) = self.last_grant.filter(|_| chance.once_in(4)) {
            let priority = last.priority + u8::from(chance.once_in(3));
            return GrantOrder { priority, ..last };
        }
        let kinds = [GrantKind::Paid, GrantKind::Promotional, GrantKind::Refund];
        let kind = kinds.get(chance.below(4) as usize);
        let starts_ms = chance.once_in(3).then(|| now + chance.below(120_000));
        // Some end while what they have paid for is still spoken of.
        let lasts_ms = match chance.below(6) {
            0..2 => 20_000 + chance.below(60_000),
            times => chance.below(400_000) * (times - 2),
        };
        let order = GrantOrder {
            name: GrantName::Ordered(self.grants),
            kind: kind.copied().unwrap_or(GrantKind::Paid),
            priority: chance.below(3) as u8,
            models: chance.below(3) as u8,
            providers: chance.below(3) as u8,
            elsewhere: chance.once_in(6),
            starts_ms,
            ends_ms: (!chance.once_in(4)).then(|| starts_ms.unwrap_or(now) + lasts_ms),
            units: chance.below(300).cast_signed() + i64::from(!chance.once_in(20)),
        };
        self.grants += 1;
        self.last_grant = Some(order);
        order
    }

    pub(super) fn correction(&mut self, about: About, chance: &mut Chance) -> CorrectionOrder {
        if let Some(last) = self.last_correction.filter(|_| chance.once_in(6)) {
            let units = last.units + i64::from(chance.once_in(4));
            let other = last.other || chance.once_in(4);
            return CorrectionOrder {
                units,
                other,
                ..last
            };
        }
        let About {
            request,
            old,
            parked,
            beyond,
        } = about;
        let unknown = u64::from(chance.once_in(8));
        let payment = chance.below(self.top_ups + unknown);
        let top_up = self.payment(payment);
        // Of what a bank takes back, a part was paid for grants.
        let grant = GrantName::Ordered(payment * 5 % (self.grants + unknown).max(1));
        let recent = GrantName::Ordered(self.grants.saturating_sub(chance.below(3) + 1));
        let (remedy, most) = match chance.below(20) {
            0..5 => (Remedy::Refund(request), 70),
            5 => (Remedy::TopUpRefund(top_up), 200),
            6..8 => match payment % 4 {
                0 => (Remedy::GrantRefund(grant), 90),
                1 => (Remedy::GrantChargeback(grant), 300),
                _ => (Remedy::Chargeback(top_up), 700),
            },
            8..10 => (Remedy::WriteOff(entry(chance)), 300),
            10 => (Remedy::Charge(old), 60),
            11..13 => (Remedy::Charge(request), 60),
            13 => (Remedy::SuspenseCharge(beyond), 600),
            14..16 => (Remedy::SuspenseWaiver(beyond), 6_000),
            16..18 => (Remedy::Accept(parked), 0),
            18 => (Remedy::GrantRefund(recent), 60),
            _ => (Remedy::Discard(parked), 0),
        };
        let units = if chance.once_in(16) {
            chance.below(2)
        } else {
            chance.below(most)
        };
        let order = CorrectionOrder {
            number: self.corrections,
            remedy,
            units: units.cast_signed(),
            other: chance.once_in(8),
        };
        self.corrections += 1;
        self.last_correction = Some(order);
        order
    }

    pub(super) fn transfer(&mut self, to: usize, chance: &mut Chance) -> TransferOrder {
        if let Some(last) = self.last_transfer.filter(|_| chance.once_in(5)) {
            let units = last.units + i64::from(chance.once_in(3));
            return TransferOrder { units, ..last };
        }
        let of = if chance.once_in(3) {
            TRANSFERS_FEW
        } else {
            TRANSFERS
        };
        let order = TransferOrder {
            number: chance.below(of),
            to,
            units: chance.below(120).cast_signed(),
        };
        self.last_transfer = Some(order);
        order
    }
}

/// The first one mostly; now and then one that is not there.
const fn entry(chance: &mut Chance) -> u64 {
    match chance.below(12) {
        0 => 0,
        1 => u64::MAX,
        _ => 1,
    }
}
