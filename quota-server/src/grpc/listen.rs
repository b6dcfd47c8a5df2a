//! The gRPC listener: the service behind its authentication, health, reflection, TLS.

use super::authenticate::Authenticate;
use super::{Quota, TOKEN_METADATA};
use crate::config::{Grpc, Tls};
use crate::listener::{Address, BindError, Bound};
use crate::principal::Principals;
use ferry_api::bound::MESSAGE_BYTES_MAX;
use ferry_api::v1::quota_service_server::QuotaServiceServer;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tonic::codegen::tokio_stream::Stream;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::server::HealthReporter;

/// How often a connection is asked whether it is still there: a gateway whose machine is gone must not keep it for ever.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long it has for the answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum GrpcError {
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file of TLS cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Certificates or key cannot be used.
    #[error("failed to set up TLS with {}", certificate.display())]
    Tls {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why.
        source: tonic::transport::Error,
    },
    /// Reflection cannot be built.
    #[error("failed to set up reflection")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// An open listener that does not serve yet.
pub(crate) struct GrpcListener {
    bound: Bound,
    router: Router,
    health: HealthReporter,
}

impl GrpcListener {
    /// Opens it.
    pub(crate) async fn open(
        config: &Grpc,
        principals: Principals,
        quota: Quota,
    ) -> Result<Self, GrpcError> {
        let mut server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
        if let Some(tls) = &config.tls {
            server = with_tls(server, tls)?;
        }
        let authenticate = Authenticate {
            principals: Arc::new(principals),
            metrics: quota.metrics.clone(),
        };
        let service = QuotaServiceServer::new(quota).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<QuotaServiceServer<Quota>>().await;
        let router = server
            .add_service(InterceptedService::new(service, authenticate))
            .add_service(health_service)
            .add_service(reflection(|b| b.build_v1()).map_err(GrpcError::Reflection)?)
            .add_service(reflection(|b| b.build_v1alpha()).map_err(GrpcError::Reflection)?);
        let bound = Bound::open(&config.listen, config.socket_mode).await?;
        if config.listen.is_public() && config.tls.is_none() {
            let listen = &config.listen;
            tracing::warn!(%listen, "gateways show their {TOKEN_METADATA} token in clear: use TLS or a mesh that does");
        }
        Ok(Self {
            bound,
            router,
            health,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Address {
        self.bound.address()
    }

    /// Tells health checks whether the service takes calls.
    pub(crate) fn health(&self) -> Health {
        Health(self.health.clone())
    }

    /// Serves until `stop`, then finishes what is in flight.
    pub(crate) async fn serve(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), tonic::transport::Error> {
        match self.bound {
            Bound::Unix(listener, _socket) => {
                let incoming = UnixIncoming(listener);
                self.router
                    .serve_with_incoming_shutdown(incoming, stop)
                    .await
            }
            Bound::Tcp(listener) => {
                let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
                self.router
                    .serve_with_incoming_shutdown(incoming, stop)
                    .await
            }
        }
    }
}

/// What health checks are told.
#[derive(Clone)]
pub(crate) struct Health(HealthReporter);

impl Health {
    /// No new calls: the server stops.
    pub(crate) async fn not_serving(&self) {
        self.0.set_not_serving::<QuotaServiceServer<Quota>>().await;
        let everything = "";
        let status = tonic_health::ServingStatus::NotServing;
        self.0.set_service_status(everything, status).await;
    }
}

fn reflection<T>(build: impl FnOnce(tonic_reflection::server::Builder<'static>) -> T) -> T {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(ferry_api::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    build(builder)
}

fn with_tls(server: Server, tls: &Tls) -> Result<Server, GrpcError> {
    let identity = Identity::from_pem(read(&tls.certificate)?, read(&tls.private_key)?);
    let mut config = ServerTlsConfig::new().identity(identity);
    if let Some(ca) = &tls.client_ca {
        config = config.client_ca_root(Certificate::from_pem(read(ca)?));
    }
    server.tls_config(config).map_err(|source| GrpcError::Tls {
        certificate: tls.certificate.clone(),
        source,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, GrpcError> {
    std::fs::read(path).map_err(|source| GrpcError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Connections to a Unix socket, as tonic wants them.
struct UnixIncoming(UnixListener);

impl Stream for UnixIncoming {
    type Item = std::io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .poll_accept(context)
            .map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
