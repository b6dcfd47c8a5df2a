//! The floor: the least service that Envoy's ext_authz filter can ask, over a Unix socket as `ferry serve` is asked.
//!
//! It allows everything. The messages of `envoy.service.auth.v3` are cut down to what it needs: it skips the request's fields
//! unread, so that nothing but the call itself is measured. With a journal, each answer waits for one durable write.

mod journal;

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, Result, bail};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::process::{Process, end_with_parent};
use journal::Journal;

/// The first argument that makes this program the service.
pub const ROLE: &str = "ext-authz";

/// Starts the service in a process of its own, listening at `socket`; durable if it is given a journal.
pub fn start(socket: &Path, journal: Option<&Path>) -> Result<Process> {
    let mut arguments: Vec<&OsStr> = vec![socket.as_os_str()];
    arguments.extend(journal.map(Path::as_os_str));
    let (process, _address) = Process::role(ROLE, &arguments)?;
    Ok(process)
}

/// The service's whole life: `socket [journal]` are its arguments.
pub async fn serve(arguments: &[OsString]) -> Result<()> {
    let (socket, journal) = match arguments {
        [socket] => (socket, None),
        [socket, journal] => (socket, Some(Journal::create(Path::new(journal))?)),
        _ => bail!("{ROLE} takes a socket and, if it shall be durable, a journal"),
    };
    let listener = UnixListener::bind(socket).context("failed to listen")?;
    end_with_parent();
    crate::print(&socket.to_string_lossy());
    let service = Authorization { journal };
    let server = tonic::transport::Server::builder().add_service(service);
    server
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await
        .context("failed to serve")
}

/// What Envoy says about a request. All of it is skipped.
#[derive(Clone, PartialEq, prost::Message)]
struct CheckRequest {}

/// What the service answers. An absent status is status 0: the request is allowed.
#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "3")]
    ok_response: Option<OkHttpResponse>,
}

/// Allowed, with nothing to change in the request.
#[derive(Clone, PartialEq, prost::Message)]
struct OkHttpResponse {}

/// `envoy.service.auth.v3.Authorization`.
#[derive(Clone)]
struct Authorization {
    journal: Option<Journal>,
}

impl NamedService for Authorization {
    const NAME: &'static str = "envoy.service.auth.v3.Authorization";
}

impl Service<http::Request<Body>> for Authorization {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _context: &mut TaskContext<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    /// There is one method: whatever is asked here is `Check`.
    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let check = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(check, request).await) })
    }
}

impl UnaryService<CheckRequest> for Authorization {
    type Response = CheckResponse;
    type Future = BoxFuture<Response<CheckResponse>, Status>;

    fn call(&mut self, _request: Request<CheckRequest>) -> Self::Future {
        let journal = self.journal.clone();
        Box::pin(async move {
            if let Some(journal) = journal {
                journal
                    .append()
                    .await
                    .map_err(|error| Status::unavailable(error.to_string()))?;
            }
            Ok(Response::new(CheckResponse {
                ok_response: Some(OkHttpResponse {}),
            }))
        })
    }
}
