//! Who calls: the gateway whose client certificate or token it is. Without a known one, UNAUTHENTICATED.

use crate::metrics::Metrics;
use crate::principal::Principals;
use ferry_types::PrincipalName;
use std::sync::Arc;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The metadata that carries a gateway's token; Envoy's credential_injector puts it there.
pub const TOKEN_METADATA: &str = "authorization";
/// What stands before the token.
pub const TOKEN_SCHEME: &str = "Bearer ";

/// Puts the caller's [`PrincipalName`] beside each call.
#[derive(Clone)]
pub(super) struct Authenticate {
    pub(super) principals: Arc<Principals>,
    pub(super) metrics: Metrics,
}

impl Interceptor for Authenticate {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let known = by_certificate(&self.principals, &request)
            .or_else(|| by_token(&self.principals, &request))
            .cloned();
        let Some(name) = known else {
            self.metrics.unauthenticated();
            return Err(unauthenticated());
        };
        // What comes next has no business with the token.
        request.metadata_mut().remove(TOKEN_METADATA);
        request.extensions_mut().insert(name);
        Ok(request)
    }
}

pub(super) fn unauthenticated() -> Status {
    let message =
        "no known credential: a gateway shows a token in authorization, or a client certificate";
    Status::unauthenticated(message)
}

fn by_certificate<'a>(
    principals: &'a Principals,
    request: &Request<()>,
) -> Option<&'a PrincipalName> {
    let chain = request.peer_certs()?;
    principals.by_certificate(chain.first()?.as_ref())
}

fn by_token<'a>(principals: &'a Principals, request: &Request<()>) -> Option<&'a PrincipalName> {
    let value = request.metadata().get(TOKEN_METADATA)?;
    let token = value.as_bytes().strip_prefix(TOKEN_SCHEME.as_bytes())?;
    principals.by_token(token)
}
