//! The client of tenants, their keys, and how they may spend.

use super::{Client, ClientError, segment};
use crate::admin::wire::{
    Balance, Changed, CloseTenant, CreateKey, CreateTenant, CreatedKey, Key, Keys, Position,
    SetOverage, SetReseller, Tenant, Tenants, Thaw, Thawed,
};
use reqwest::Method;

impl Client {
    /// Makes a tenant.
    ///
    /// # Errors
    /// [`ClientError`]; code `tenant_exists` if there is one of this id, name and currency, `conflict` if there is one of another name
    /// or currency, `tenant_closed` if there was one.
    pub async fn create_tenant(&self, new: &CreateTenant) -> Result<Changed<Tenant>, ClientError> {
        let request = self.request(Method::POST, "tenants").json(new);
        self.send(request).await
    }

    /// Every tenant.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn tenants(&self) -> Result<Tenants, ClientError> {
        self.get("tenants", &[]).await
    }

    /// One tenant.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn tenant(&self, tenant: &str) -> Result<Tenant, ClientError> {
        self.get(&format!("tenants/{}", segment(tenant)), &[]).await
    }

    /// Stops a tenant for now: nothing of it is granted.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn pause_tenant(&self, tenant: &str) -> Result<Changed<Tenant>, ClientError> {
        let path = format!("tenants/{}/pause", segment(tenant));
        self.send(self.request(Method::POST, &path)).await
    }

    /// Lets a paused tenant go on.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn resume_tenant(&self, tenant: &str) -> Result<Changed<Tenant>, ClientError> {
        let path = format!("tenants/{}/resume", segment(tenant));
        self.send(self.request(Method::POST, &path)).await
    }

    /// Closes a tenant, for good.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, and `money_left`, with how it is paid back or written off.
    pub async fn close_tenant(
        &self,
        tenant: &str,
        why: &CloseTenant,
    ) -> Result<Changed<Tenant>, ClientError> {
        let path = format!("tenants/{}/close", segment(tenant));
        self.send(self.request(Method::POST, &path).json(why)).await
    }

    /// Lets a frozen book go on whose rows were mended, once all of it was verified.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `differs`, which names the first difference, and `moved`: it stays frozen.
    pub async fn thaw_tenant(
        &self,
        tenant: &str,
        why: &Thaw,
    ) -> Result<Thawed<Position>, ClientError> {
        let path = format!("tenants/{}/thaw", segment(tenant));
        self.send(self.request(Method::POST, &path).json(why)).await
    }

    /// A tenant's money.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn balance(&self, tenant: &str) -> Result<Balance, ClientError> {
        let path = format!("tenants/{}/balance", segment(tenant));
        self.get(&path, &[]).await
    }

    /// Sets whoever gets a share of what the tenant pays from now on, or nobody.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn set_reseller(
        &self,
        tenant: &str,
        to: &SetReseller,
    ) -> Result<Changed<Balance>, ClientError> {
        let path = format!("tenants/{}/reseller", segment(tenant));
        self.send(self.request(Method::POST, &path).json(to)).await
    }

    /// Sets what happens to charges beyond what is available.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn set_overage(
        &self,
        tenant: &str,
        policy: &SetOverage,
    ) -> Result<Changed<Balance>, ClientError> {
        let path = format!("tenants/{}/overage", segment(tenant));
        let request = self.request(Method::POST, &path).json(policy);
        self.send(request).await
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn create_key(
        &self,
        tenant: &str,
        new: &CreateKey,
    ) -> Result<CreatedKey, ClientError> {
        let path = format!("tenants/{}/keys", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// A tenant's keys.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn keys(&self, tenant: &str) -> Result<Keys, ClientError> {
        let path = format!("tenants/{}/keys", segment(tenant));
        self.get(&path, &[]).await
    }

    /// Stops a key for now.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `unknown_key`, `key_revoked`.
    pub async fn pause_key(&self, tenant: &str, key: &str) -> Result<Changed<Key>, ClientError> {
        self.set_key(tenant, key, "pause").await
    }

    /// Lets a paused key go on.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `unknown_key`, `key_revoked`.
    pub async fn resume_key(&self, tenant: &str, key: &str) -> Result<Changed<Key>, ClientError> {
        self.set_key(tenant, key, "resume").await
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `unknown_key`.
    pub async fn revoke_key(&self, tenant: &str, key: &str) -> Result<Changed<Key>, ClientError> {
        self.set_key(tenant, key, "revoke").await
    }

    async fn set_key(
        &self,
        tenant: &str,
        key: &str,
        to: &str,
    ) -> Result<Changed<Key>, ClientError> {
        let path = format!("tenants/{}/keys/{}/{to}", segment(tenant), segment(key));
        self.send(self.request(Method::POST, &path)).await
    }
}
