//! What a gateway may do with the book in front of it, judged once its key is resolved and before the ledger decides: whom it may
//! serve, whether it may end what another one reserved, and how much it may settle that nothing was held for.

use super::unreserved::UnreservedSettles;
use crate::principal::{Principal, Role};
use ferry_ledger::{
    Answer, Book, Command, Refusal, ReleaseAnswer, RenewAnswer, ReserveAnswer, SettleAnswer, State,
};
use ferry_types::{PrincipalName, ReservationId, TenantId};

/// Whether a gateway's command ends what nothing is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It is no settlement, or something is held, or was charged.
    OrNoSettlement,
    /// A settlement of which nothing is held: if it is posted, it counts.
    Nothing,
}

/// Judges a gateway's command; what may be put to the ledger is marked with what it is to know of the gateway.
///
/// # Errors
/// The answer to what may not.
pub(super) fn judge(
    command: &mut Command,
    principal: &Principal,
    book: &Book,
    unreserved: &UnreservedSettles,
) -> Result<Held, Answer> {
    if !may(command, principal, book) {
        return Err(refusal(command));
    }
    if principal.role == Role::Recovery {
        act_for_owner(command, principal, book);
    }
    let Command::Settle(call) = command else {
        return Ok(Held::OrNoSettlement);
    };
    if !holds_nothing(book, call.id) {
        return Ok(Held::OrNoSettlement);
    }
    call.beyond_cap = unreserved.is_beyond_cap(principal);
    Ok(Held::Nothing)
}

/// Whether a settlement of this request is one of which nothing is held.
pub(super) fn holds_nothing(book: &Book, id: ReservationId) -> bool {
    match book.reservations.get(&id).map(|row| &row.state) {
        None | Some(State::Released(_)) => true,
        Some(State::Open | State::Settled(_) | State::Expired(_) | State::Parked(_)) => false,
    }
}

/// Whether a gateway may serve a tenant.
pub(in crate::engine) fn may_serve(principal: &Principal, tenant: &TenantId) -> bool {
    principal.role == Role::Gateway && principal.scope.has_tenant(tenant)
}

fn may(command: &Command, principal: &Principal, book: &Book) -> bool {
    let reserves = matches!(command, Command::Reserve(_));
    (principal.role == Role::Gateway || !reserves)
        && principal.scope.has_tenant(&book.tenant)
        && routes(command, book).all(|route| principal.scope.has_route(route))
}

/// The routes that a command is about: the one it names, and the one of what was reserved.
fn routes<'a>(command: &'a Command, book: &'a Book) -> impl Iterator<Item = &'a str> {
    let named = match command {
        Command::Reserve(call) => Some(call.facts.route.as_str()),
        Command::Settle(call) => Some(call.settlement.facts.route.as_str()),
        Command::Renew(_)
        | Command::Release(_)
        | Command::Expire(_)
        | Command::TopUp(_)
        | Command::SetOverage(_)
        | Command::SetReseller(_)
        | Command::SetZone(_)
        | Command::SetLimit(_)
        | Command::RemoveLimit(_)
        | Command::IssueGrant(_)
        | Command::Correct(_)
        | Command::ExpireGrant(_)
        | Command::IssueKey(_)
        | Command::SetKeyState(_)
        | Command::SetTenantState(_)
        | Command::CloseTenant(_)
        | Command::SealMonth(_) => None,
    };
    let reserved = command
        .reservation()
        .and_then(|id| book.reservations.get(&id))
        .and_then(|row| row.facts.as_ref())
        .map(|facts| facts.route.as_str());
    named.into_iter().chain(reserved)
}

fn refusal(command: &Command) -> Answer {
    match command {
        Command::Renew(_) => Answer::Renew(RenewAnswer::Denied),
        Command::Settle(_) => Answer::Settle(SettleAnswer::Denied),
        Command::Release(_) => Answer::Release(ReleaseAnswer::Denied),
        Command::Reserve(_)
        | Command::Expire(_)
        | Command::TopUp(_)
        | Command::SetOverage(_)
        | Command::SetReseller(_)
        | Command::SetZone(_)
        | Command::SetLimit(_)
        | Command::RemoveLimit(_)
        | Command::IssueGrant(_)
        | Command::Correct(_)
        | Command::ExpireGrant(_)
        | Command::IssueKey(_)
        | Command::SetKeyState(_)
        | Command::SetTenantState(_)
        | Command::CloseTenant(_)
        | Command::SealMonth(_) => {
            Answer::Reserve(ReserveAnswer::Refused(Refusal::GatewayOutOfScope))
        }
    }
}

/// Who made a reservation, if it is known.
fn maker(book: &Book, id: ReservationId) -> Option<&PrincipalName> {
    let reserved = book.reservations.get(&id).map(|row| &row.owner);
    let refused = book.refused.get(&id).map(|refused| &refused.owner);
    reserved.or(refused).map(|owner| &owner.principal)
}

/// Lets a recovery principal end what another gateway made.
fn act_for_owner(command: &mut Command, principal: &Principal, book: &Book) {
    let Some(owner) = command.reservation().and_then(|id| maker(book, id)) else {
        return;
    };
    let by = (*owner != principal.name).then(|| principal.name.clone());
    match command {
        Command::Renew(call) => call.owner.principal = owner.clone(),
        Command::Settle(call) => {
            call.owner.principal = owner.clone();
            call.by = by;
        }
        Command::Release(call) => {
            call.owner.principal = owner.clone();
            call.by = by;
        }
        Command::Reserve(_)
        | Command::Expire(_)
        | Command::TopUp(_)
        | Command::SetOverage(_)
        | Command::SetReseller(_)
        | Command::SetZone(_)
        | Command::SetLimit(_)
        | Command::RemoveLimit(_)
        | Command::IssueGrant(_)
        | Command::Correct(_)
        | Command::ExpireGrant(_)
        | Command::IssueKey(_)
        | Command::SetKeyState(_)
        | Command::SetTenantState(_)
        | Command::CloseTenant(_)
        | Command::SealMonth(_) => {}
    }
}
