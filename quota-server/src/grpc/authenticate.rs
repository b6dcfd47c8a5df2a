//! Who calls: the gateway whose client certificate or token it is. Without a known one, UNAUTHENTICATED.

use crate::metrics::Metrics;
use crate::principal::{Principal, Principals};
use std::sync::Arc;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The metadata that carries a gateway's token; Envoy's credential_injector puts it there.
pub const TOKEN_METADATA: &str = "authorization";
/// What stands before the token.
pub const TOKEN_SCHEME: &str = "Bearer ";

/// Puts the calling [`Principal`] beside each call.
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
        let Some(principal) = known else {
            self.metrics.unauthenticated();
            return Err(unauthenticated());
        };
        // What comes next has no business with the token.
        request.metadata_mut().remove(TOKEN_METADATA);
        request.extensions_mut().insert(principal);
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
) -> Option<&'a Arc<Principal>> {
    let chain = request.peer_certs()?;
    principals.by_certificate(chain.first()?.as_ref())
}

fn by_token<'a>(principals: &'a Principals, request: &Request<()>) -> Option<&'a Arc<Principal>> {
    let value = request.metadata().get(TOKEN_METADATA)?;
    let token = value.as_bytes().strip_prefix(TOKEN_SCHEME.as_bytes())?;
    principals.by_token(token)
}
