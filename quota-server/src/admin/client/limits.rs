//! The client of limits.

use super::{Client, ClientError, segment};
use crate::admin::wire::{
    Changed, Counters, Limit, Limits, RemovedLimit, SetLimit, SetZone, Tenant,
};
use reqwest::Method;

impl Client {
    /// Sets a limit, or changes the bound of one.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `unknown_key`, `too_many_limits`, and `conflict` if the id stands for a limit that counts
    /// something else.
    pub async fn set_limit(
        &self,
        tenant: &str,
        limit: &SetLimit,
    ) -> Result<Changed<Limit>, ClientError> {
        let path = format!("tenants/{}/limits", segment(tenant));
        self.send(self.request(Method::POST, &path).json(limit))
            .await
    }

    /// A tenant's limits.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn limits(&self, tenant: &str) -> Result<Limits, ClientError> {
        let path = format!("tenants/{}/limits", segment(tenant));
        self.get(&path, &[]).await
    }

    /// What a limit has counted, at most so many counters.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `unknown_limit`.
    pub async fn counters(
        &self,
        tenant: &str,
        limit: &str,
        most: usize,
    ) -> Result<Counters, ClientError> {
        let (tenant, limit) = (segment(tenant), segment(limit));
        let path = format!("tenants/{tenant}/limits/{limit}/counters");
        self.get(&path, &[("limit", &most.to_string())]).await
    }

    /// Takes a limit away, with all that it had counted.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn remove_limit(
        &self,
        tenant: &str,
        limit: &str,
    ) -> Result<Changed<RemovedLimit>, ClientError> {
        let (tenant, limit) = (segment(tenant), segment(limit));
        let path = format!("tenants/{tenant}/limits/{limit}/remove");
        self.send(self.request(Method::POST, &path)).await
    }

    /// Sets where a tenant's days and months begin.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn set_zone(&self, tenant: &str, zone: &str) -> Result<Changed<Tenant>, ClientError> {
        let path = format!("tenants/{}/zone", segment(tenant));
        let zone = SetZone { zone: zone.into() };
        self.send(self.request(Method::POST, &path).json(&zone))
            .await
    }
}
