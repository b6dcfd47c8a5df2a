//! What administration answers when it does not do what was asked: a status, a stable code, a sentence.

use super::wire::{Failure, FailureText};
use crate::engine::EngineError;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ferry_types::TenantId;

/// A call that was not carried out.
#[derive(Debug)]
pub(super) struct Failed {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failed {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// Something in the request cannot be used.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub(super) fn unauthorized() -> Self {
        let message = "the operator's token is missing or wrong: give it in FERRY_ADMIN_TOKEN";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(super) fn no_such_path() -> Self {
        let message = "there is nothing at this path under this method: use a `ferry` of the server's version";
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// An amount in this field of the request.
    pub(super) fn out_of_range(field: &str) -> Self {
        Self::invalid(format!("{field}: nothing, or more than a balance can hold"))
    }

    pub(super) fn unknown_key() -> Self {
        let message = "there is no such key: see `ferry key list`";
        Self::new(StatusCode::NOT_FOUND, "unknown_key", message)
    }

    pub(super) fn month_not_over() -> Self {
        let message = "month: it is not over yet in UTC: only a month that is over is sealed";
        Self::new(StatusCode::CONFLICT, "month_not_over", message)
    }

    /// What is said of it, without the status.
    pub(super) fn told(self) -> Failure {
        let error = FailureText {
            code: self.code.to_owned(),
            message: self.message,
        };
        Failure { error }
    }

    /// It is done, and cannot be shown.
    pub(super) fn unread() -> Self {
        let message = "it was posted, but cannot be read just now: send the same again, and nothing is posted twice";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    pub(super) fn conflict(field: &str, what: &str) -> Self {
        let message = format!("{what} exists already with another {field}");
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    pub(super) fn frozen(tenant: &str) -> Self {
        let thaw = if tenant == TenantId::house().as_str() {
            "house thaw".to_owned()
        } else {
            format!("tenant thaw {tenant}")
        };
        let message = format!(
            "the book of '{tenant}' is frozen: an invariant was broken; run `ferry verify` and look at the server's log. Once its rows \
             are mended, `ferry {thaw}` lets it go on"
        );
        Self::new(StatusCode::CONFLICT, "frozen", message)
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        let (status, code) = match &error {
            EngineError::UnknownTenant(_) => (StatusCode::NOT_FOUND, "unknown_tenant"),
            EngineError::MonthNotOver(_) => (StatusCode::CONFLICT, "month_not_over"),
            EngineError::FrozenBook(_) | EngineError::FrozenBooks { .. } => {
                (StatusCode::CONFLICT, "frozen")
            }
            EngineError::NotFrozen(_) => (StatusCode::CONFLICT, "not_frozen"),
            EngineError::SealedOtherwise { .. } => (StatusCode::CONFLICT, "conflict"),
            EngineError::PriceVersionTaken(_) => (StatusCode::CONFLICT, "conflict"),
            EngineError::Held(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
            EngineError::Overloaded
            | EngineError::DeadlinePassed
            | EngineError::Unavailable
            | EngineError::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        };
        let message = match &error {
            EngineError::UnknownTenant(_) => format!("{error}: see `ferry tenant list`"),
            EngineError::Unavailable => {
                format!("{error}: the server's log says why; send the same again once it is back")
            }
            EngineError::Stopped => format!("{error}: send the same again once it is back"),
            EngineError::Overloaded | EngineError::DeadlinePassed => {
                format!("{error}: send the same again")
            }
            EngineError::MonthNotOver(_)
            | EngineError::FrozenBook(_)
            | EngineError::FrozenBooks { .. }
            | EngineError::NotFrozen(_)
            | EngineError::SealedOtherwise { .. }
            | EngineError::PriceVersionTaken(_)
            | EngineError::Held(_) => error.to_string(),
        };
        Self::new(status, code, message)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (self.status, Json(self.told())).into_response()
    }
}
