//! What was asked, and what came of it, by name: so that a test can say that nothing was left out.
//!
//! Every list here is a match that the compiler holds to be complete. A new kind gets a line: a name, and then it must be drawn; or, in
//! `never`, the reason why it is not.

use ferry_ledger::event::Reserved;
use ferry_ledger::{
    AdminAnswer, Answer, Command, Event, ExpireAnswer, Flag, Flags, GrantKind, KeyState, Lifeless,
    Overage, ParkReason, Refusal, ReleaseAnswer, Remedy, RenewAnswer, ReserveAnswer, SettleAnswer,
    TenantState,
};
use ferry_types::Mode;
use std::collections::{BTreeMap, BTreeSet};

/// The names of what is drawn of a type, and why the rest is not.
macro_rules! kinds {
    (
        $kind:ident, $all:ident: $of:ty {
            $($drawn:pat => $name:literal,)*
        } never {
            $($other:pat => $why:literal,)*
        }
    ) => {
        const fn $kind(of: &$of) -> Result<&'static str, &'static str> {
            match of {
                $($drawn => Ok($name),)*
                $($other => Err($why),)*
            }
        }
        const $all: &[&str] = &[$($name),*];
    };
}

kinds! {
    command, COMMANDS: Command {
        Command::SetTenantState(TenantState::Active) => "command: resume the tenant",
        Command::SetTenantState(TenantState::Paused) => "command: pause the tenant",
        Command::IssueKey(_) => "command: issue a key",
        Command::SetKeyState(_) => "command: set a key's state",
        Command::SetOverage(Overage::Debt) => "command: let it owe",
        Command::SetOverage(Overage::CreditLine(_)) => "command: give it credit",
        Command::SetOverage(Overage::Absorb) => "command: absorb",
        Command::SetReseller(Some(_)) => "command: set a reseller",
        Command::SetReseller(None) => "command: set no reseller",
        Command::SetZone(_) => "command: set a zone",
        Command::SetLimit(_) => "command: set a limit",
        Command::RemoveLimit(_) => "command: remove a limit",
        Command::IssueGrant(_) => "command: issue a grant",
        Command::ExpireGrant(_) => "command: expire a grant",
        Command::TopUp(_) => "command: top up",
        Command::Correct(_) => "command: correct",
        Command::Reserve(_) => "command: reserve",
        Command::Renew(_) => "command: renew",
        Command::Settle(_) => "command: settle",
        Command::Release(_) => "command: release",
        Command::Expire(_) => "command: expire",
    } never {
        Command::SetTenantState(TenantState::Closed) => "a tenant is closed by a command of its own",
        Command::CloseTenant(_) => "no tenant is closed at random",
        Command::SealMonth(_) => "a month is sealed over all books at once",
    }
}

kinds! {
    answer, ANSWERS: Answer {
        Answer::Admin(AdminAnswer::Done { changed: true, .. }) => "answer: done",
        Answer::Admin(AdminAnswer::Done { changed: false, .. }) => "answer: done before",
        Answer::Admin(AdminAnswer::Conflict { .. }) => "answer: another order",
        Answer::Admin(AdminAnswer::UnknownGrant) => "answer: unknown grant",
        Answer::Admin(AdminAnswer::NeverValid) => "answer: never valid",
        Answer::Admin(AdminAnswer::NotPaidFor) => "answer: not paid for",
        Answer::Admin(AdminAnswer::UnknownKey) => "answer: unknown key",
        Answer::Admin(AdminAnswer::Revoked) => "answer: revoked",
        Answer::Admin(AdminAnswer::AmountOutOfRange) => "answer: amount out of range",
        Answer::Admin(AdminAnswer::UnknownRequest) => "answer: unknown request",
        Answer::Admin(AdminAnswer::UnknownTopUp) => "answer: unknown top-up",
        Answer::Admin(AdminAnswer::CreditedElsewhere { .. }) => "answer: credited elsewhere",
        Answer::Admin(AdminAnswer::UnknownEntry) => "answer: unknown entry",
        Answer::Admin(AdminAnswer::NotParked) => "answer: not parked",
        Answer::Admin(AdminAnswer::Exceeds { .. }) => "answer: exceeds",
        Answer::Reserve(ReserveAnswer::Granted(_)) => "answer: granted",
        Answer::Reserve(ReserveAnswer::Refused(_)) => "answer: refused",
        Answer::Reserve(ReserveAnswer::Ended(_)) => "answer: ended, to a reserve",
        Answer::Reserve(ReserveAnswer::Conflict { .. }) => "answer: another request",
        Answer::Reserve(ReserveAnswer::Denied) => "answer: denied, to a reserve",
        Answer::Renew(RenewAnswer::Renewed { .. }) => "answer: renewed",
        Answer::Renew(RenewAnswer::Ended(_)) => "answer: ended, to a renewal",
        Answer::Renew(RenewAnswer::NotFound) => "answer: not found",
        Answer::Renew(RenewAnswer::Denied) => "answer: denied, to a renewal",
        Answer::Settle(SettleAnswer::Settled { .. }) => "answer: settled",
        Answer::Settle(SettleAnswer::Conflict { .. }) => "answer: another settlement",
        Answer::Settle(SettleAnswer::Parked) => "answer: parked",
        Answer::Settle(SettleAnswer::Denied) => "answer: denied, to a settle",
        Answer::Release(ReleaseAnswer::Released) => "answer: released",
        Answer::Release(ReleaseAnswer::Conflict) => "answer: not released",
        Answer::Release(ReleaseAnswer::Denied) => "answer: denied, to a release",
        Answer::Expire(ExpireAnswer::Expired { .. }) => "answer: expired",
        Answer::Expire(ExpireAnswer::NotDue { .. }) => "answer: not due",
        Answer::Expire(ExpireAnswer::NotOpen) => "answer: not open",
    } never {
        Answer::Admin(AdminAnswer::Reserved) => "no tenant is opened at random",
        Answer::Admin(AdminAnswer::Closed) => "no tenant is closed at random",
        Answer::Admin(AdminAnswer::OtherClosed) => "no tenant is closed at random",
        Answer::Admin(AdminAnswer::Remains(_)) => "no tenant is closed at random",
        Answer::Admin(AdminAnswer::TooManyLimits { .. }) => "limits go by few names",
        Answer::Admin(AdminAnswer::MonthNotOver) => "a month is sealed over all books at once",
        Answer::Admin(AdminAnswer::OtherCurrency) => "all books are in one currency",
        Answer::Admin(AdminAnswer::Frozen) => "no book may freeze",
        Answer::Renew(RenewAnswer::Frozen) => "no book may freeze",
        Answer::Settle(SettleAnswer::Frozen) => "no book may freeze",
        Answer::Release(ReleaseAnswer::Frozen) => "no book may freeze",
        Answer::Expire(ExpireAnswer::Frozen) => "no book may freeze",
    }
}

kinds! {
    refusal, REFUSALS: Refusal {
        Refusal::UnknownKey => "refusal: unknown key",
        Refusal::GatewayOutOfScope => "refusal: gateway out of scope",
        Refusal::KeyRevoked => "refusal: key revoked",
        Refusal::KeyExpired => "refusal: key expired",
        Refusal::KeyPaused => "refusal: key paused",
        Refusal::TenantPaused => "refusal: tenant paused",
        Refusal::ClockSkew => "refusal: clock skew",
        Refusal::ModelNotFound { .. } => "refusal: model not found",
        Refusal::TooManyChoices { .. } => "refusal: too many choices",
        Refusal::ServiceTierNotPriced { .. } => "refusal: service tier not priced",
        Refusal::AudioNotPriced => "refusal: audio not priced",
        Refusal::ContextLengthExceeded { .. } => "refusal: context length exceeded",
        Refusal::IdempotencyKeyInUse => "refusal: idempotency key in use",
        Refusal::TenantInDebt { .. } => "refusal: tenant in debt",
        Refusal::LimitReached(_) => "refusal: limit reached",
        Refusal::InsufficientFunds { .. } => "refusal: insufficient funds",
    } never {
        Refusal::TenantClosed => "no tenant is closed at random",
        Refusal::BookFrozen => "no book may freeze",
    }
}

kinds! {
    event, EVENTS: Event {
        Event::TenantOpened { .. } => "event: tenant opened",
        Event::TenantStateSet(_) => "event: tenant state set",
        Event::KeyIssued { expires_at: None, .. } => "event: key issued",
        Event::KeyIssued { expires_at: Some(_), .. } => "event: key issued that ends",
        Event::KeyStateSet { to: KeyState::Active, .. } => "event: key resumed",
        Event::KeyStateSet { to: KeyState::Paused, .. } => "event: key paused",
        Event::KeyStateSet { to: KeyState::Revoked, .. } => "event: key revoked",
        Event::OverageSet(_) => "event: overage set",
        Event::ResellerSet(_) => "event: reseller set",
        Event::ZoneSet(_) => "event: zone set",
        Event::LimitSet { .. } => "event: limit set",
        Event::LimitRemoved(_) => "event: limit removed",
        Event::GrantIssued { .. } => "event: grant issued",
        Event::GrantExpired { .. } => "event: grant expired",
        Event::ToppedUp(_) => "event: topped up",
        Event::Reserved(_) => "event: reserved",
        Event::Renewed { raised: None, .. } => "event: renewed",
        Event::Renewed { raised: Some(_), .. } => "event: renewed and raised",
        Event::Settled(_) => "event: settled",
        Event::Adjusted(_) => "event: adjusted",
        Event::Released { by: None, .. } => "event: released",
        Event::Released { by: Some(_), .. } => "event: released by recovery",
        Event::Expired(_) => "event: expired",
        Event::Parked(_) => "event: parked",
        Event::Transferred(_) => "event: transferred",
        Event::Corrected(_) => "event: corrected",
        Event::MonthSealed(_) => "event: month sealed",
    } never {
        Event::TenantClosed(_) => "no tenant is closed at random",
        Event::Thawed(_) => "no book may freeze",
    }
}

kinds! {
    flag, FLAGS: Flag {
        Flag::Unreserved => "flag: unreserved",
        Flag::AfterRefusal => "flag: after refusal",
        Flag::AfterRelease => "flag: after release",
        Flag::AfterExpiry => "flag: after expiry",
        Flag::Overrun => "flag: overrun",
        Flag::Suspended => "flag: suspended",
        Flag::Provisional => "flag: provisional",
        Flag::OtherFacts => "flag: other facts",
        Flag::Lifeless => "flag: lifeless",
        Flag::Adjusted => "flag: adjusted",
        Flag::Unpriced => "flag: unpriced",
        Flag::UnknownProvider => "flag: unknown provider",
        Flag::UnknownModel => "flag: unknown model",
        Flag::UnknownTier => "flag: unknown tier",
        Flag::Shadow => "flag: shadow",
        Flag::Offline => "flag: offline",
        Flag::OutOfRange => "flag: out of range",
        Flag::Recovered => "flag: recovered",
    } never {
        Flag::Discarded => "no event has it: it is the row's",
    }
}

kinds! {
    remedy, REMEDIES: Remedy {
        Remedy::Refund(_) => "remedy: refund",
        Remedy::TopUpRefund(_) => "remedy: top-up refund",
        Remedy::Chargeback(_) => "remedy: chargeback",
        Remedy::GrantRefund(_) => "remedy: grant refund",
        Remedy::GrantChargeback(_) => "remedy: grant chargeback",
        Remedy::WriteOff { .. } => "remedy: write-off",
        Remedy::Charge(_) => "remedy: charge",
        Remedy::SuspenseCharge(_) => "remedy: suspense charge",
        Remedy::SuspenseWaiver(_) => "remedy: suspense waiver",
        Remedy::ParkedAccepted(_) => "remedy: accept",
        Remedy::ParkedDiscarded(_) => "remedy: discard",
    } never {}
}

kinds! {
    grant, GRANTS: GrantKind {
        GrantKind::Paid => "grant: paid",
        GrantKind::Promotional => "grant: promotional",
        GrantKind::Refund => "grant: refund",
    } never {}
}

kinds! {
    parked, PARKED: ParkReason {
        ParkReason::TooOld => "parked: too old",
        ParkReason::BeyondCap => "parked: beyond its gateway's cap",
    } never {}
}

kinds! {
    lifeless, LIFELESS: Lifeless {
        Lifeless::Release => "pinned: release what shows no life",
        Lifeless::Charge => "pinned: charge what shows no life",
    } never {}
}

/// What goes to new grants, since those that had paid have ended.
const REISSUED_BY_A_CHARGE: &str = "reissued: by a charge";
const REISSUED_BY_A_PERSON: &str = "reissued: by a person";
/// What is decided in shadow mode, whether it would have been let through or not; and what binds.
const SHADOW: &str = "reserved: shadow, and let through";
const SHADOW_REFUSED: &str = "reserved: shadow, and refused";
const BINDING: &str = "reserved: binding";
/// What is paid with grants, and what we bear.
const PAID_BY_GRANTS: &str = "charge: paid by grants";
const ABSORBED: &str = "charge: absorbed";
const CHARGES: &[&str] = &[
    REISSUED_BY_A_CHARGE,
    REISSUED_BY_A_PERSON,
    PAID_BY_GRANTS,
    ABSORBED,
    SHADOW,
    SHADOW_REFUSED,
    BINDING,
];

const ALL: [&[&str]; 10] = [
    COMMANDS, ANSWERS, REFUSALS, EVENTS, FLAGS, REMEDIES, GRANTS, PARKED, LIFELESS, CHARGES,
];

/// How often each of it came.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<&'static str, usize>,
    /// Why what came should never have come.
    surprises: BTreeSet<&'static str>,
}

impl Tally {
    /// A command was asked.
    pub fn command(&mut self, of: &Command) {
        self.note(command(of));
    }

    /// An answer was given.
    pub fn answer(&mut self, of: &Answer) {
        self.note(answer(of));
        if let Answer::Reserve(ReserveAnswer::Refused(why)) = of {
            self.note(refusal(why));
        }
    }

    /// Something happened.
    pub fn event(&mut self, of: &Event) {
        self.note(event(of));
        self.note_content(of);
        if let Some(charge) = of.charge() {
            self.note_if(!charge.grants.is_empty(), PAID_BY_GRANTS);
            self.note_if(!charge.absorbed.is_zero(), ABSORBED);
        }
        let reissued = if matches!(of, Event::Corrected(_)) {
            REISSUED_BY_A_PERSON
        } else {
            REISSUED_BY_A_CHARGE
        };
        self.note_if(!of.reissued().is_empty(), reissued);
    }

    /// What never came, or should not have come; `besides` these, which the test does not ask for.
    #[must_use]
    pub fn faults(&self, besides: &[&str]) -> Vec<&'static str> {
        let all = ALL.iter().flat_map(|names| names.iter().copied());
        let missing = all.filter(|name| !self.counts.contains_key(name) && !besides.contains(name));
        missing.chain(self.surprises.iter().copied()).collect()
    }

    /// Everything of both.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
        self.surprises.extend(&other.surprises);
    }

    fn note_content(&mut self, of: &Event) {
        match of {
            Event::Settled(settled) | Event::Adjusted(settled) => self.note_flags(settled.flags),
            Event::Expired(expired) => self.note_flags(expired.flags),
            Event::Parked(event) => self.note(parked(&event.reason)),
            Event::Reserved(reserved) => self.note_reserved(reserved),
            Event::GrantIssued { grant: issued, .. } => self.note(grant(&issued.kind)),
            Event::Corrected(corrected) => self.note(remedy(&corrected.correction.remedy)),
            Event::TenantOpened { .. }
            | Event::TenantStateSet(_)
            | Event::TenantClosed(_)
            | Event::KeyIssued { .. }
            | Event::KeyStateSet { .. }
            | Event::OverageSet(_)
            | Event::ResellerSet(_)
            | Event::ZoneSet(_)
            | Event::LimitSet { .. }
            | Event::LimitRemoved(_)
            | Event::GrantExpired { .. }
            | Event::ToppedUp(_)
            | Event::Renewed { .. }
            | Event::Released { .. }
            | Event::Transferred(_)
            | Event::MonthSealed(_)
            | Event::Thawed(_) => {}
        }
    }

    fn note_reserved(&mut self, reserved: &Reserved) {
        self.note(lifeless(&reserved.offer.lifeless));
        let name = match (reserved.facts.mode, reserved.would_refuse.as_str()) {
            (Mode::Enforce, _) => BINDING,
            (Mode::Shadow, "") => SHADOW,
            (Mode::Shadow, _) => SHADOW_REFUSED,
        };
        self.note_if(true, name);
    }

    fn note_flags(&mut self, flags: Flags) {
        flags.iter().for_each(|set| self.note(flag(&set)));
    }

    fn note(&mut self, name: Result<&'static str, &'static str>) {
        match name {
            Ok(name) => self.note_if(true, name),
            Err(why) => {
                self.surprises.insert(why);
            }
        }
    }

    fn note_if(&mut self, is_so: bool, name: &'static str) {
        if is_so {
            *self.counts.entry(name).or_default() += 1;
        }
    }
}
