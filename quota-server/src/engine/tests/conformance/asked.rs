//! The ledger's commands as calls of the engine's: what a gateway sends together goes as one call.

use crate::engine::job::{Ask, Op, Who};
use crate::engine::lanes::Lane;
use crate::engine::{Answered, Engine, EngineError, ReserveCall, SettleCall};
use crate::key_directory::{listed, sha256};
use crate::principal::Principal;
use ferry_ledger::{AdminAnswer, Answer, Command, IssueKey};
use ferry_model::Spoken;
use ferry_types::{KeyText, TenantId};
use std::sync::Arc;

/// Commands of one kind.
pub(in crate::engine::tests) struct Asked {
    gateway: Arc<Principal>,
    reserves: Vec<ReserveCall>,
    settles: Vec<SettleCall>,
    renews: Vec<ferry_api::Renew>,
    releases: Vec<ferry_api::Release>,
    orders: Vec<(TenantId, Spoken)>,
    issued: Option<(TenantId, IssueKey, KeyText)>,
}

impl Asked {
    /// Nothing yet.
    pub(in crate::engine::tests) const fn by(gateway: Arc<Principal>) -> Self {
        Self {
            gateway,
            reserves: Vec::new(),
            settles: Vec::new(),
            renews: Vec::new(),
            releases: Vec::new(),
            orders: Vec::new(),
            issued: None,
        }
    }

    /// One more, of the same kind.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "whatever is no gateway's is an operator's, or a person's"
    )]
    pub(in crate::engine::tests) fn add(
        &mut self,
        tenant: TenantId,
        key: &KeyText,
        spoken: Spoken,
    ) {
        let command = match spoken {
            Spoken::Command(command) => command,
            transfer @ Spoken::Transfer(_) => return self.orders.push((tenant, transfer)),
        };
        let caller = ferry_api::Caller {
            filter_version: "0.1.0".into(),
            key_digest: key.digest(sha256),
            tenant: None,
        };
        match command {
            Command::Reserve(call) => self.reserves.push(ReserveCall {
                principal: Arc::clone(&self.gateway),
                call: ferry_api::Reserve {
                    id: call.id,
                    caller,
                    facts: call.facts,
                },
                offers: call.offer.map(|offer| Arc::new(offer.into())),
                deadline: None,
            }),
            Command::Settle(call) => self.settles.push(SettleCall {
                call: ferry_api::Settle {
                    id: call.id,
                    caller,
                    settlement: call.settlement,
                },
                offers: call.offer.map(|offer| Arc::new(offer.into())),
            }),
            Command::Renew(call) => self.renews.push(ferry_api::Renew {
                id: call.id,
                caller,
                usage: call.usage,
                output_tokens_target: call.output_tokens_target,
            }),
            Command::Release(call) => self.releases.push(ferry_api::Release {
                id: call.id,
                caller,
            }),
            Command::IssueKey(order) => self.issued = Some((tenant, order, key.clone())),
            order => self.orders.push((tenant, Spoken::Command(order))),
        }
    }

    /// Asks an engine.
    pub(in crate::engine::tests) async fn of(
        mut self,
        engine: &Engine,
    ) -> Result<Vec<Answered<Answer>>, EngineError> {
        let gateway = &self.gateway;
        if let Some(call) = self.reserves.pop() {
            let answered = engine.reserve(call).await?;
            return Ok(all(vec![answered], Answer::Reserve));
        }
        if let Some((tenant, order, text)) = self.issued {
            return issue(engine, tenant, order, &text).await;
        }
        if let Some((tenant, order)) = self.orders.pop() {
            let answered = operate(engine, tenant, order).await?;
            return Ok(all(vec![answered], Answer::Admin));
        }
        if !self.settles.is_empty() {
            let answered = engine.settle(gateway, self.settles).await?;
            return Ok(all(answered, Answer::Settle));
        }
        if !self.renews.is_empty() {
            let answered = engine.renew(gateway, self.renews).await?;
            return Ok(all(answered, Answer::Renew));
        }
        let answered = engine.release(gateway, self.releases).await?;
        Ok(all(answered, Answer::Release))
    }
}

fn all<A>(answered: Vec<Answered<A>>, kind: impl Fn(A) -> Answer) -> Vec<Answered<Answer>> {
    let of = |answered: Answered<A>| Answered {
        server_time: answered.server_time,
        book: answered.book,
        answer: kind(answered.answer),
    };
    answered.into_iter().map(of).collect()
}

/// As the engine does it, but for the text, which the engine draws.
async fn issue(
    engine: &Engine,
    tenant: TenantId,
    order: IssueKey,
    text: &KeyText,
) -> Result<Vec<Answered<Answer>>, EngineError> {
    let peppers = &engine.inner.peppers;
    let pepper = peppers.newest();
    let digest = peppers.stored(pepper, &text.digest(sha256)).unwrap();
    let listed = listed(pepper, &digest);
    let ask = Ask::IssueKey {
        issue: IssueKey { listed, ..order },
        pepper,
        digest,
    };
    let who = Who::Operator(tenant);
    engine
        .ask(Lane::Settlement, vec![Op { who, ask }], None)
        .await
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a new order is drawn before it can come here, and gets a line"
)]
async fn operate(
    engine: &Engine,
    tenant: TenantId,
    order: Spoken,
) -> Result<Answered<AdminAnswer>, EngineError> {
    let order = match order {
        Spoken::Transfer(order) => return engine.transfer(tenant, order).await,
        Spoken::Command(order) => order,
    };
    match order {
        Command::TopUp(order) => engine.top_up(tenant, order).await,
        Command::IssueGrant(order) => engine.issue_grant(tenant, *order).await,
        Command::SetTenantState(to) => engine.set_tenant_state(tenant, to).await,
        Command::SetKeyState(order) => engine.set_key_state(tenant, order.key, order.to).await,
        Command::SetOverage(to) => engine.set_overage(tenant, to).await,
        Command::SetReseller(to) => engine.set_reseller(tenant, to).await,
        Command::SetZone(zone) => engine.set_zone(tenant, zone).await,
        Command::SetLimit(order) => engine.set_limit(tenant, *order).await,
        Command::RemoveLimit(id) => engine.remove_limit(tenant, id).await,
        Command::Correct(order) => engine.correct(tenant, *order).await,
        other => panic!("no operator asks this: {other:?}"),
    }
}
