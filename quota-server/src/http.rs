//! What a platform probes: `/healthz`, `/readyz`, `/metrics`. Nothing here shows anything of a customer's.

use crate::draining::Draining;
use crate::engine::Engine;
use crate::metrics::{CONTENT_TYPE, Metrics};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

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

async fn ready(State(state): State<HttpState>) -> (StatusCode, String) {
    let (status, text) = if state.draining.has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining".to_owned())
    } else if let Some(why) = state.engine.held() {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}"))
    } else if state.engine.is_ready() {
        (StatusCode::OK, "ready".to_owned())
    } else if state.engine.is_running() {
        let gone = "the database cannot be reached";
        (StatusCode::SERVICE_UNAVAILABLE, gone.to_owned())
    } else {
        let stopped = "the engine has stopped";
        (StatusCode::SERVICE_UNAVAILABLE, stopped.to_owned())
    };
    (status, text + "\n")
}

async fn metrics_page(State(state): State<HttpState>) -> Response {
    if let Ok(tenants) = state.engine.tenants().await {
        let open = tenants.iter().map(|tenant| tenant.open_reservations).sum();
        state.metrics.found(tenants.len(), open);
    }
    match state.metrics.page() {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(std::fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
