//! What operators ask: tenants, keys, top-ups, price tables. It goes through the same writer as what gateways ask.

use super::job::{Ask, Job, Op, Who};
use super::lanes::Lane;
use super::{Answered, CreateTenant, Engine, EngineError, IssuedKey, PriceTable, one};
use crate::key_directory::{listed, sha256};
use ferry_ledger::{
    AdminAnswer, Answer, Closing, Command, Correct, IssueGrant, IssueKey, KeyState, OpenTenant,
    Overage, SetKeyState, SetLimit, Share, TenantState, TopUp, Transfer, UnixMs, Zone,
};
use ferry_types::{KeyId, KeyText, LimitId, ResellerName, TenantId};
use tokio::sync::oneshot;

/// What operators ask.
impl Engine {
    /// Makes a tenant. The same again changes nothing; another name or currency under the same id is a conflict.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn create_tenant(
        &self,
        call: CreateTenant,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let open = OpenTenant {
            name: call.name,
            currency: call.currency,
        };
        self.administer(call.tenant, Ask::OpenTenant(open)).await
    }

    /// Makes a key. The answer holds its secret; there is no other copy.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn issue_key(
        &self,
        tenant: TenantId,
        label: String,
        expires_at: Option<UnixMs>,
    ) -> Result<(Answered<AdminAnswer>, IssuedKey), EngineError> {
        let text = draw_key()?;
        let key = text.id();
        let pepper = self.inner.peppers.newest();
        let stored = self.inner.peppers.stored(pepper, &text.digest(sha256));
        let digest = stored.ok_or(EngineError::Unavailable)?;
        let issue = IssueKey {
            key: key.clone(),
            label,
            expires_at,
            listed: listed(pepper, &digest),
        };
        let ask = Ask::IssueKey {
            issue,
            pepper,
            digest,
        };
        let answered = self.administer(tenant, ask).await?;
        Ok((answered, IssuedKey { key, text }))
    }

    /// Pauses, resumes or revokes a key, from the next request on.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn set_key_state(
        &self,
        tenant: TenantId,
        key: KeyId,
        to: KeyState,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::SetKeyState(SetKeyState { key, to });
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Pauses or resumes a tenant, from the next request on.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn set_tenant_state(
        &self,
        tenant: TenantId,
        to: TenantState,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::SetTenantState(to);
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Closes a tenant's account, for good. Closed before, it stays as it was closed.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn close_tenant(
        &self,
        tenant: TenantId,
        closing: Closing,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::CloseTenant(Box::new(closing));
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Brings money in, once per source and external reference.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn top_up(
        &self,
        tenant: TenantId,
        top_up: TopUp,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::TopUp(top_up);
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Sets what happens to charges beyond what is available.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn set_overage(
        &self,
        tenant: TenantId,
        to: Overage,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::SetOverage(to);
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Sets where the tenant's days and months begin, as limits count them: from the end of each limit's present window on.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn set_zone(
        &self,
        tenant: TenantId,
        zone: Zone,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::SetZone(zone);
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Sets a limit, or changes its bound.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn set_limit(
        &self,
        tenant: TenantId,
        order: SetLimit,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::SetLimit(Box::new(order));
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Takes a limit away; one that is not there is no error.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn remove_limit(
        &self,
        tenant: TenantId,
        limit: LimitId,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::RemoveLimit(limit);
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Sets whoever gets a share of what the tenant pays, from now on.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn set_reseller(
        &self,
        tenant: TenantId,
        to: Option<(ResellerName, Share)>,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::SetReseller(to);
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Grants credit, once per id.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn issue_grant(
        &self,
        tenant: TenantId,
        order: IssueGrant,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::IssueGrant(Box::new(order));
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Puts something right, once per id.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn correct(
        &self,
        tenant: TenantId,
        order: Correct,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let command = Command::Correct(Box::new(order));
        self.administer(tenant, Ask::Command(command)).await
    }

    /// Moves money from one tenant's book to another's, once per id.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn transfer(
        &self,
        from: TenantId,
        order: Transfer,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let op = Box::new(Op {
            who: Who::Operator(from),
            ask: Ask::Transfer(order),
        });
        let (answer, answered) = oneshot::channel();
        self.put(Lane::Settlement, Job::Transfer { op, answer })?;
        let answers = answered.await.map_err(|_| EngineError::Unavailable)??;
        one_admin(answers)
    }

    /// Keeps a price table under its version, for good.
    ///
    /// # Errors
    /// [`EngineError::PriceVersionTaken`] if the version stands for other content.
    pub async fn record_price_table(&self, table: PriceTable) -> Result<(), EngineError> {
        let (answer, answered) = oneshot::channel();
        self.put(Lane::Settlement, Job::PriceTable { table, answer })?;
        answered.await.map_err(|_| EngineError::Unavailable)?
    }

    /// Looks after leases and refusals now, instead of at the next look. Answers how many leases were ended: none while expiry
    /// is suspended.
    ///
    /// # Errors
    /// [`EngineError`] if nothing was decided.
    pub async fn expire_due(&self) -> Result<u64, EngineError> {
        let (answer, answered) = oneshot::channel();
        self.put(Lane::Settlement, Job::Expire { answer })?;
        answered.await.map_err(|_| EngineError::Unavailable)?
    }

    async fn administer(
        &self,
        tenant: TenantId,
        ask: Ask,
    ) -> Result<Answered<AdminAnswer>, EngineError> {
        let who = Who::Operator(tenant);
        let answers = self
            .ask(Lane::Settlement, vec![Op { who, ask }], None)
            .await?;
        one_admin(answers)
    }
}

fn one_admin(answers: Vec<Answered<Answer>>) -> Result<Answered<AdminAnswer>, EngineError> {
    one(answers, |answer| match answer {
        Answer::Admin(answer) => Some(answer),
        Answer::Reserve(_)
        | Answer::Renew(_)
        | Answer::Settle(_)
        | Answer::Release(_)
        | Answer::Expire(_) => None,
    })
}

fn draw_key() -> Result<KeyText, EngineError> {
    let mut drawn = ([0u8; 8], [0u8; 32]);
    getrandom::fill(&mut drawn.0)
        .and_then(|()| getrandom::fill(&mut drawn.1))
        .map_err(|error| {
            tracing::error!(%error, "failed to draw a key");
            EngineError::Unavailable
        })?;
    Ok(KeyText::new(drawn.0, drawn.1, sha256))
}
