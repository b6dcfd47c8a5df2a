//! The client of `/admin/v1`: what the command line, the quickstart and the tests use.

use super::wire::{
    Accounts, Balance, CheckHeads, Corrections, CreateCorrection, CreateGrant, CreateKey,
    CreateTenant, CreateTopUp, CreateTransfer, CreatedKey, Failure, Grants, Heads, HeadsVerdict,
    IssuedGrant, Key, Keys, PostedCorrection, PostedTransfer, Reservations, Seal, SealMonth, Seals,
    SetOverage, SetReseller, Status, Tenant, Tenants, TopUp, Transfers, UsageRecords, Verdict,
};
use crate::listener::{Address, InvalidAddress};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    server: String,
    token: Option<Token>,
}

/// The operator's token. Its Debug hides it.
#[derive(Clone)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The text names no server.
#[derive(Debug, thiserror::Error)]
pub enum InvalidServer {
    /// It is no address.
    #[error("{0}, nor http://HOST:PORT")]
    Address(InvalidAddress),
    /// The HTTP client cannot be made.
    #[error("failed to make an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A call that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("cannot reach the server at {server}: is `ferry serve` running?")]
    Unreachable {
        /// Where it was looked for.
        server: String,
        /// Why it cannot be reached.
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Stable code.
        code: String,
        /// For people.
        message: String,
    },
    /// Something answers that is not the administration of a server of this version.
    #[error("what answers at {server} is not Ferry's administration (HTTP status {status})")]
    NotFerry {
        /// Where.
        server: String,
        /// HTTP status.
        status: u16,
    },
}

impl ClientError {
    /// The stable code of what the server refused, such as `unknown_tenant`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unreachable { .. } | Self::NotFerry { .. } => None,
        }
    }
}

impl Client {
    /// A client of the server at `unix:/path`, `/path`, `127.0.0.1:9903` or `http://host:port`.
    ///
    /// # Errors
    /// [`InvalidServer`] if the text names none.
    pub fn new(server: &str, token: Option<&str>) -> Result<Self, InvalidServer> {
        let builder = reqwest::Client::builder();
        let (builder, base) = if server.starts_with("http://") {
            (builder, server.trim_end_matches('/').to_owned())
        } else if server.starts_with(['/', '.']) {
            (builder.unix_socket(server), "http://ferry".to_owned())
        } else {
            match server.parse().map_err(InvalidServer::Address)? {
                Address::Unix(path) => (builder.unix_socket(path), "http://ferry".to_owned()),
                Address::Tcp(address) => (builder, format!("http://{address}")),
            }
        };
        Ok(Self {
            http: builder.build().map_err(InvalidServer::Client)?,
            base: format!("{base}/admin/v1"),
            server: server.to_owned(),
            token: token.map(|token| Token(token.to_owned())),
        })
    }

    /// A client of the server at this address.
    ///
    /// # Errors
    /// [`InvalidServer`] if no client can be made.
    pub fn at(address: &Address, token: Option<&str>) -> Result<Self, InvalidServer> {
        Self::new(&address.to_string(), token)
    }

    /// What the server says about itself.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("status", &[]).await
    }

    /// Makes a tenant.
    ///
    /// # Errors
    /// [`ClientError`]; code `tenant_exists` if there is one of other content.
    pub async fn create_tenant(&self, new: &CreateTenant) -> Result<Tenant, ClientError> {
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
    pub async fn pause_tenant(&self, tenant: &str) -> Result<Tenant, ClientError> {
        let path = format!("tenants/{}/pause", segment(tenant));
        self.send(self.request(Method::POST, &path)).await
    }

    /// Lets a paused tenant go on.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn resume_tenant(&self, tenant: &str) -> Result<Tenant, ClientError> {
        let path = format!("tenants/{}/resume", segment(tenant));
        self.send(self.request(Method::POST, &path)).await
    }

    /// A tenant's money.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn balance(&self, tenant: &str) -> Result<Balance, ClientError> {
        let path = format!("tenants/{}/balance", segment(tenant));
        self.get(&path, &[]).await
    }

    /// Grants credit, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; code `conflict` if the id stands for another grant.
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

    /// Sets whoever gets a share of what the tenant pays from now on, or nobody.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn set_reseller(
        &self,
        tenant: &str,
        to: &SetReseller,
    ) -> Result<Balance, ClientError> {
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
    ) -> Result<Balance, ClientError> {
        let path = format!("tenants/{}/overage", segment(tenant));
        let request = self.request(Method::POST, &path).json(policy);
        self.send(request).await
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
    /// [`ClientError`]; codes `unknown_key`, `key_revoked`.
    pub async fn pause_key(&self, tenant: &str, key: &str) -> Result<Key, ClientError> {
        self.set_key(tenant, key, "pause").await
    }

    /// Lets a paused key go on.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_key`, `key_revoked`.
    pub async fn resume_key(&self, tenant: &str, key: &str) -> Result<Key, ClientError> {
        self.set_key(tenant, key, "resume").await
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_key`.
    pub async fn revoke_key(&self, tenant: &str, key: &str) -> Result<Key, ClientError> {
        self.set_key(tenant, key, "revoke").await
    }

    /// Brings money in, once per source and external reference.
    ///
    /// # Errors
    /// [`ClientError`]; code `conflict` if the reference stands for another top-up.
    pub async fn top_up(&self, tenant: &str, new: &CreateTopUp) -> Result<TopUp, ClientError> {
        let path = format!("tenants/{}/top-ups", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// Puts something right, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_request`, `unknown_top_up`, `unknown_entry`, `not_parked`, `exceeds`, and `conflict` if the
    /// id stands for another correction.
    pub async fn correct(
        &self,
        tenant: &str,
        new: &CreateCorrection,
    ) -> Result<PostedCorrection, ClientError> {
        let path = format!("tenants/{}/corrections", segment(tenant));
        self.send(self.request(Method::POST, &path).json(new)).await
    }

    /// Moves money from a tenant's book to another's, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; codes `unknown_tenant`, `other_currency`, `exceeds`, and `conflict` if the id stands for another transfer.
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

    /// A tenant's corrections, newest first.
    ///
    /// # Errors
    /// [`ClientError`]; code `unknown_tenant`.
    pub async fn corrections(&self, tenant: &str) -> Result<Corrections, ClientError> {
        self.get(&format!("tenants/{}/corrections", segment(tenant)), &[])
            .await
    }

    /// Reservations, newest first: of one tenant or all, all of them or only the open ones.
    ///
    /// # Errors
    /// [`ClientError`].
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
    /// [`ClientError`].
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
    /// [`ClientError`]; codes `month_not_over`, `frozen`.
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

    async fn set_key(&self, tenant: &str, key: &str, to: &str) -> Result<Key, ClientError> {
        let path = format!("tenants/{}/keys/{}/{to}", segment(tenant), segment(key));
        self.send(self.request(Method::POST, &path)).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        let mut path = path.to_owned();
        for (i, (name, value)) in query.iter().enumerate() {
            path.push(if i == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            path.push_str(&segment(value));
        }
        self.send(self.request(Method::GET, &path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/{path}", self.base));
        match &self.token {
            Some(Token(token)) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            server: self.server.clone(),
            source,
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?;
        let not_ferry = |_| ClientError::NotFerry {
            server: self.server.clone(),
            status: status.as_u16(),
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(not_ferry);
        }
        let failure: Failure = serde_json::from_slice(&body).map_err(not_ferry)?;
        Err(ClientError::Refused {
            status: status.as_u16(),
            code: failure.error.code,
            message: failure.error.message,
        })
    }
}

/// Which reservations to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Show {
    /// Only what holds money now.
    pub open_only: bool,
    /// At most so many.
    pub limit: usize,
}

/// Text as one segment of a path, or as a value in a query.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte.into()),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
