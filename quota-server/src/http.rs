//! What a platform probes: `/healthz`, `/readyz`, `/metrics`. Nothing here shows anything of a customer's.

use crate::engine::Engine;
use crate::metrics::{CONTENT_TYPE, Metrics};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the server has been asked to stop. Shared by all surfaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct HttpState {
    engine: Engine,
    metrics: Metrics,
    draining: Draining,
}

pub(crate) fn router(engine: Engine, metrics: Metrics, draining: Draining) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_page))
        .with_state(HttpState {
            engine,
            metrics,
            draining,
        })
}

async fn ready(State(state): State<HttpState>) -> (StatusCode, &'static str) {
    if state.draining.has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if state.engine.is_running() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the engine has stopped\n")
    }
}

async fn metrics_page(State(state): State<HttpState>) -> Response {
    let tenants = state.engine.tenants().await.unwrap_or_default();
    let open = tenants.iter().map(|tenant| tenant.open_reservations).sum();
    match state.metrics.page(tenants.len(), open) {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(std::fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
