//! The client of what proves the journals: verification, seals and heads.

use super::{Client, ClientError};
use crate::admin::wire::{CheckHeads, Heads, HeadsVerdict, Seal, SealMonth, Seals, Verdict};
use reqwest::Method;

impl Client {
    /// Derives every balance from its journal again, and compares.
    ///
    /// # Errors
    /// [`ClientError`]; a difference is no error.
    pub async fn verify(&self) -> Result<Verdict, ClientError> {
        self.get("verify", &[]).await
    }

    /// The same of one tenant's book, or of its chain from an entry, or a date, on.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`. A difference is no error.
    pub async fn verify_tenant(
        &self,
        tenant: &str,
        since: Option<&str>,
    ) -> Result<Verdict, ClientError> {
        let mut query = vec![("tenant", tenant)];
        query.extend(since.map(|since| ("since", since)));
        self.get("verify", &query).await
    }

    /// Seals a month that is over, or finds it sealed.
    ///
    /// # Errors
    /// [`ClientError`]; code `month_not_over`.
    pub async fn seal_month(&self, month: &str) -> Result<Seal, ClientError> {
        let month = month.to_owned();
        let request = self.request(Method::POST, "seals");
        self.send(request.json(&SealMonth { month })).await
    }

    /// Every sealed month.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn seals(&self) -> Result<Seals, ClientError> {
        self.get("seals", &[]).await
    }

    /// Where every journal ends, signed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn heads(&self) -> Result<Heads, ClientError> {
        self.get("heads", &[]).await
    }

    /// Whether the journals still have what these heads say.
    ///
    /// # Errors
    /// [`ClientError`]; a head that does not hold is no error.
    pub async fn check_heads(&self, check: &CheckHeads) -> Result<HeadsVerdict, ClientError> {
        let request = self.request(Method::POST, "heads/check").json(check);
        self.send(request).await
    }
}
