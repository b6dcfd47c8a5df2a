//! The client of reservations and usage records.

use super::{Client, ClientError};
use crate::admin::wire::{Reservations, UsageRecords};

/// Which reservations to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Only what holds money now.
    pub open_only: bool,
    /// At most so many.
    pub limit: usize,
}

impl Client {
    /// Reservations, newest first: of one tenant or all, all of them or only the open ones.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn reservations(
        &self,
        tenant: Option<&str>,
        show: Show,
    ) -> Result<Reservations, ClientError> {
        let open = if show.open_only { "true" } else { "false" };
        let limit = show.limit.to_string();
        let mut query = vec![("open", open), ("limit", &limit)];
        query.extend(tenant.map(|tenant| ("tenant", tenant)));
        self.get("reservations", &query).await
    }

    /// Usage records, newest first: of one tenant or all, or the one of a request.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn usage(
        &self,
        tenant: Option<&str>,
        request: Option<&str>,
        limit: usize,
    ) -> Result<UsageRecords, ClientError> {
        let limit = limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(tenant.map(|tenant| ("tenant", tenant)));
        query.extend(request.map(|request| ("request", request)));
        self.get("usage", &query).await
    }
}
