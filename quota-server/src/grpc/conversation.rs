//! Calls of one gateway's worker on a stream that stays open.
//!
//! Each call is carried out beside the others, and answered when its answer is there. What may wait is bounded by the engine's
//! lanes, which turn away what is beyond them; and nothing is read while the gateway does not take its answers. When the server
//! is about to stop it says so on the stream; the gateway then ends its half, and what it had sent before is still answered.

use super::Quota;
use crate::principal::Principal;
use ferry_api::v1::converse_request::Request;
use ferry_api::v1::converse_response::Response;
use ferry_api::v1::{ConverseRequest, ConverseResponse};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use futures_util::{FutureExt, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tonic::{Code, Status, Streaming};

/// What says that no more calls are taken.
const STOPPING: ConverseResponse = ConverseResponse {
    call: 0,
    status: Code::Unavailable as u32,
    response: None,
};

/// The answers, as they come; polling it reads the calls.
pub struct Conversation {
    quota: Arc<Quota>,
    principal: Arc<Principal>,
    asked: Streaming<ConverseRequest>,
    /// The gateway has ended its half.
    is_over: bool,
    /// Resolves when the server is about to stop; gone when the gateway was told.
    stopping: Option<BoxFuture<'static, ()>>,
    calls: FuturesUnordered<BoxFuture<'static, ConverseResponse>>,
}

impl Conversation {
    pub(super) fn new(
        quota: Quota,
        principal: Arc<Principal>,
        asked: Streaming<ConverseRequest>,
    ) -> Self {
        Self {
            stopping: Some(quota.draining.begun().boxed()),
            quota: Arc::new(quota),
            principal,
            asked,
            is_over: false,
            calls: FuturesUnordered::new(),
        }
    }

    /// Reads what has come.
    fn poll_asked(&mut self, context: &mut Context<'_>) -> Result<(), Status> {
        while !self.is_over {
            match self.asked.poll_next_unpin(context) {
                Poll::Pending => break,
                Poll::Ready(None) => self.is_over = true,
                Poll::Ready(Some(request)) => {
                    let call = carry_out(
                        Arc::clone(&self.quota),
                        Arc::clone(&self.principal),
                        request?,
                    );
                    self.calls.push(call.boxed());
                }
            }
        }
        Ok(())
    }
}

impl Stream for Conversation {
    type Item = Result<ConverseResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_asked(context)?;
        if let Some(stopping) = &mut self.stopping
            && stopping.poll_unpin(context).is_ready()
        {
            self.stopping = None;
            return Poll::Ready(Some(Ok(STOPPING)));
        }
        match ready!(self.calls.poll_next_unpin(context)) {
            Some(answer) => Poll::Ready(Some(Ok(answer))),
            None if self.is_over => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

async fn carry_out(
    quota: Arc<Quota>,
    principal: Arc<Principal>,
    asked: ConverseRequest,
) -> ConverseResponse {
    let ConverseRequest {
        call,
        timeout_ms,
        request,
    } = asked;
    let response = match request {
        Some(Request::Reserve(request)) => {
            let began = Instant::now();
            let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms.into()));
            let deadline = timeout.and_then(|timeout| began.checked_add(timeout));
            let decided = quota
                .answer_reserve(principal, request, began, deadline)
                .await;
            decided.map(Response::Reserve)
        }
        Some(Request::Renew(request)) => quota
            .answer_renew(principal, request)
            .await
            .map(Response::Renew),
        Some(Request::Settle(request)) => quota
            .answer_settle(principal, request)
            .await
            .map(Response::Settle),
        Some(Request::Release(request)) => {
            let released = quota.answer_release(principal, request).await;
            released.map(Response::Release)
        }
        Some(Request::ListModels(request)) => {
            let models = quota.answer_list_models(principal, request).await;
            models.map(Response::ListModels)
        }
        None => Err(Status::unimplemented(
            "a call that this server does not know",
        )),
    };
    let (status, response) = match response {
        Ok(response) => (Code::Ok, Some(response)),
        Err(status) => (status.code(), None),
    };
    ConverseResponse {
        call,
        status: u32::try_from(i32::from(status)).unwrap_or(Code::Unknown as u32),
        response,
    }
}
