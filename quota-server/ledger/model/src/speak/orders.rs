//! What operators and people ask, in the ledger's words.

use super::{MODEL, PROVIDER, amount, grant_id, offer, reservation_id, tenant};
use crate::order::{
    CorrectionOrder, GrantKind, GrantOrder, KeyOrder, KeyState, Policy, Remedy, TopUpOrder,
    TransferOrder,
};
use ferry_ledger::{
    Correct, Correction, GrantScope, IssueGrant, IssueKey, Overage, Reason, SetKeyState, Share,
    TenantState, TopUp, TopUpRef, Transfer, UnixMs,
};
use ferry_types::{InvalidId, KeyId, ResellerName};

pub(super) fn grant(order: GrantOrder) -> Result<IssueGrant, InvalidId> {
    let listed = |ours: &str, count: u8| {
        let others = (1..count).map(|n| format!("another-{n}"));
        let ours = (count > 0).then(|| ours.to_owned());
        ours.into_iter().chain(others).collect()
    };
    let mut scope = GrantScope {
        models: listed(MODEL, order.models),
        providers: listed(PROVIDER, order.providers),
    };
    if order.elsewhere {
        scope.models = ["large".to_owned()].into();
    }
    Ok(IssueGrant {
        id: grant_id(order.name)?,
        kind: match order.kind {
            GrantKind::Paid => ferry_ledger::GrantKind::Paid,
            GrantKind::Promotional => ferry_ledger::GrantKind::Promotional,
            GrantKind::Refund => ferry_ledger::GrantKind::Refund,
        },
        priority: order.priority,
        scope,
        starts_at: order.starts_ms.map(UnixMs),
        expires_at: order.ends_ms.map(UnixMs),
        amount: amount(order.units),
        note: String::new(),
    })
}

fn top_up_ref(number: u64) -> TopUpRef {
    TopUpRef {
        source: "bank".into(),
        external_reference: number.to_string(),
    }
}

pub(super) fn correction(order: CorrectionOrder) -> Result<Correct, InvalidId> {
    use ferry_ledger::Remedy as Ledgers;
    let remedy = match order.remedy {
        Remedy::Refund(request) => Ledgers::Refund(reservation_id(request)),
        Remedy::TopUpRefund(number) => Ledgers::TopUpRefund(top_up_ref(number)),
        Remedy::Chargeback(number) => Ledgers::Chargeback(top_up_ref(number)),
        Remedy::GrantRefund(name) => Ledgers::GrantRefund(grant_id(name)?),
        Remedy::GrantChargeback(name) => Ledgers::GrantChargeback(grant_id(name)?),
        Remedy::WriteOff(entry) => Ledgers::WriteOff { entry },
        Remedy::Charge(request) => Ledgers::Charge(reservation_id(request)),
        Remedy::SuspenseCharge(request) => Ledgers::SuspenseCharge(reservation_id(request)),
        Remedy::SuspenseWaiver(request) => Ledgers::SuspenseWaiver(reservation_id(request)),
        Remedy::Accept(request) => Ledgers::ParkedAccepted(reservation_id(request)),
        Remedy::Discard(request) => Ledgers::ParkedDiscarded(reservation_id(request)),
    };
    Ok(Correct {
        id: format!("c{:06}", order.number).parse()?,
        correction: Correction {
            remedy,
            amount: amount(order.units),
            reason: Reason::Requested,
            approver: if order.other { "ben" } else { "anna" }.into(),
            note: String::new(),
        },
        offer: Some(offer()),
    })
}

pub(super) fn transfer(order: TransferOrder) -> Result<Transfer, InvalidId> {
    Ok(Transfer {
        id: format!("t{:06}", order.number).parse()?,
        to: tenant(order.to)?,
        amount: amount(order.units),
        note: String::new(),
    })
}

pub(super) fn top_up(order: TopUpOrder) -> TopUp {
    let TopUpRef {
        source,
        external_reference,
    } = top_up_ref(order.number);
    TopUp {
        amount: amount(order.units),
        source,
        external_reference,
        note: String::new(),
    }
}

pub(super) const fn tenant_state(paused: bool) -> TenantState {
    if paused {
        TenantState::Paused
    } else {
        TenantState::Active
    }
}

pub(super) fn key(key: KeyId, order: KeyOrder) -> IssueKey {
    IssueKey {
        key,
        label: if order.other { "other" } else { "main" }.into(),
        expires_at: order.ends_ms.map(UnixMs),
        listed: [0; 32],
    }
}

pub(super) const fn key_state(key: KeyId, to: KeyState) -> SetKeyState {
    let to = match to {
        KeyState::Active => ferry_ledger::KeyState::Active,
        KeyState::Paused => ferry_ledger::KeyState::Paused,
        KeyState::Revoked => ferry_ledger::KeyState::Revoked,
    };
    SetKeyState { key, to }
}

pub(super) fn overage(policy: Policy) -> Overage {
    match policy {
        Policy::Debt => Overage::Debt,
        Policy::Credit(credit) => Overage::CreditLine(amount(credit)),
        Policy::Absorb => Overage::Absorb,
    }
}

pub(super) fn reseller(points: Option<u16>) -> Result<Option<(ResellerName, Share)>, InvalidId> {
    let share = points.and_then(Share::from_basis_points);
    let named = share.map(|share| Ok(("partner".parse()?, share)));
    named.transpose()
}
