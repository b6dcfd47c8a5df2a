//! The client of money that comes in, goes from book to book, or is put right; and the accounts that it stands on.

use super::{Client, ClientError, segment};
use crate::admin::wire::{
    Accounts, Corrections, CreateCorrection, CreateGrant, CreateTopUp, CreateTransfer, Grants,
    IssuedGrant, PostedCorrection, PostedTransfer, TopUp, Transfers,
};
use reqwest::Method;

impl Client {
    /// Brings money in, once per source and external reference.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `conflict` if the reference stands for another top-up, and `credited_elsewhere` if it
    /// stands for one of another tenant.
    pub async fn top_up(&self, tenant: &str, new: &CreateTopUp) -> Result<TopUp, ClientError> {
        let path = format!("tenants/{}/top-ups", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// Grants credit, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, and `conflict` if the id stands for another grant.
    pub async fn issue_grant(
        &self,
        tenant: &str,
        new: &CreateGrant,
    ) -> Result<IssuedGrant, ClientError> {
        let path = format!("tenants/{}/grants", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// A tenant's grants.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn grants(&self, tenant: &str) -> Result<Grants, ClientError> {
        let path = format!("tenants/{}/grants", segment(tenant));
        self.get(&path, &[]).await
    }

    /// Puts something right, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `unknown_request`, `unknown_top_up`, `unknown_entry`, `unknown_grant`,
    /// `not_paid_for`, `not_parked`, `exceeds`, and `conflict` if the id stands for another correction, or for a grant that a
    /// refund would issue.
    pub async fn correct(
        &self,
        tenant: &str,
        new: &CreateCorrection,
    ) -> Result<PostedCorrection, ClientError> {
        let path = format!("tenants/{}/corrections", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// A tenant's corrections, newest first.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn corrections(&self, tenant: &str) -> Result<Corrections, ClientError> {
        self.get(&format!("tenants/{}/corrections", segment(tenant)), &[])
            .await
    }

    /// Moves money from a tenant's book to another's, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `other_currency`, `exceeds`, and `conflict` if the id stands for another transfer, in
    /// either book.
    pub async fn transfer(
        &self,
        tenant: &str,
        new: &CreateTransfer,
    ) -> Result<PostedTransfer, ClientError> {
        let path = format!("tenants/{}/transfers", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// A tenant's transfers, newest first.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn transfers(&self, tenant: &str) -> Result<Transfers, ClientError> {
        self.get(&format!("tenants/{}/transfers", segment(tenant)), &[])
            .await
    }

    /// A trial balance, of one tenant or of all.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn accounts(&self, tenant: Option<&str>) -> Result<Accounts, ClientError> {
        let query: Vec<_> = tenant
            .map(|tenant| ("tenant", tenant))
            .into_iter()
            .collect();
        self.get("accounts", &query).await
    }
}
