//! Calls on one stream: carried out as calls by themselves are, and finished before the server goes.

use crate::ferry::{EDGE_TOKEN, Ferry, MESH_TOKEN};
use crate::gateway::{Gateway, caller, digest, facts, id, release, renew, reserve, settle};
use ferry_api::v1::converse_request::Request;
use ferry_api::v1::converse_response::Response;
use ferry_api::v1::{self, ConverseRequest, ConverseResponse};
use futures_util::stream;
use tokio::sync::mpsc;
use tonic::{Code, Streaming};

/// An open stream.
struct Conversation {
    calls: mpsc::UnboundedSender<ConverseRequest>,
    answers: Streaming<ConverseResponse>,
}

impl Conversation {
    async fn begin(gateway: &mut Gateway) -> Self {
        let (calls, asked) = mpsc::unbounded_channel();
        let asked = stream::unfold(asked, |mut asked| async move {
            asked.recv().await.map(|request| (request, asked))
        });
        let answers = gateway
            .converse(asked)
            .await
            .expect("a stream")
            .into_inner();
        Self { calls, answers }
    }

    fn send(&self, call: u64, request: Option<Request>) {
        let request = ConverseRequest {
            call,
            timeout_ms: 10_000,
            request,
        };
        self.calls.send(request).expect("the stream is open");
    }

    async fn next(&mut self) -> Option<ConverseResponse> {
        self.answers.message().await.expect("no failure")
    }

    async fn ask(&mut self, call: u64, request: Request) -> ConverseResponse {
        self.send(call, Some(request));
        let answer = self.next().await.expect("an answer");
        assert_eq!(answer.call, call);
        answer
    }
}

#[tokio::test]
async fn a_call_on_a_stream_is_carried_out_as_one_by_itself_is() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut edge = Conversation::begin(&mut ferry.gateway(Some(EDGE_TOKEN)).await).await;
    let one = id(1);

    let granted = edge
        .ask(1, Request::Reserve(reserve(one, key, facts())))
        .await;
    assert!(
        matches!(&granted.response, Some(Response::Reserve(answer))
            if matches!(answer.outcome, Some(v1::reserve_response::Outcome::Granted(_)))),
        "{granted:?}"
    );
    assert_eq!(ferry.json(&["balance", "acme"])["held"], "0.000200000");
    let mut mesh = Conversation::begin(&mut ferry.gateway(Some(MESH_TOKEN)).await).await;
    let denied = mesh
        .ask(1, Request::Reserve(reserve(one, key, facts())))
        .await;
    assert_eq!(
        (denied.status, denied.response),
        (Code::PermissionDenied as u32, None)
    );

    let items = vec![renew(one, key)];
    let renewed = edge
        .ask(2, Request::Renew(v1::RenewRequest { items }))
        .await;
    assert!(
        matches!(&renewed.response, Some(Response::Renew(answer))
            if matches!(answer.results[0].outcome, Some(v1::renew_result::Outcome::Renewed(_)))),
        "{renewed:?}"
    );
    let items = vec![settle(one, key)];
    let settled = edge
        .ask(3, Request::Settle(v1::SettleRequest { items }))
        .await;
    assert!(
        matches!(&settled.response, Some(Response::Settle(answer))
            if matches!(&answer.results[0].outcome, Some(v1::settle_result::Outcome::Settled(settled))
                if settled.charged == "0.000120000")),
        "{settled:?}"
    );
    let items = vec![release(id(2), key)];
    let released = edge
        .ask(4, Request::Release(v1::ReleaseRequest { items }))
        .await;
    assert!(
        matches!(&released.response, Some(Response::Release(answer))
            if matches!(answer.results[0].outcome, Some(v1::release_result::Outcome::Released(_)))),
        "{released:?}"
    );
    let caller = Some((&caller(key)).into());
    let listed = edge
        .ask(5, Request::ListModels(v1::ListModelsRequest { caller }))
        .await;
    assert!(
        matches!(&listed.response, Some(Response::ListModels(answer))
            if matches!(answer.outcome, Some(v1::list_models_response::Outcome::Models(_)))),
        "{listed:?}"
    );
}

#[tokio::test]
async fn a_call_that_cannot_be_read_fails_alone() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut edge = Conversation::begin(&mut ferry.gateway(Some(EDGE_TOKEN)).await).await;
    edge.send(1, Some(Request::Reserve(v1::ReserveRequest::default())));
    edge.send(2, None);
    edge.send(3, Some(Request::Reserve(reserve(id(1), key, facts()))));
    let mut codes = Vec::new();
    for _ in 0..3 {
        let answer = edge.next().await.expect("an answer");
        codes.push((answer.call, answer.status));
    }
    codes.sort_unstable();
    let expected = [
        (1, Code::InvalidArgument as u32),
        (2, Code::Unimplemented as u32),
        (3, Code::Ok as u32),
    ];
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn a_stream_without_a_known_credential_is_none() {
    let ferry = Ferry::start();
    for token in [None, Some("nobody's")] {
        let refused = ferry.gateway(token).await.converse(stream::empty()).await;
        let code = refused.map_or_else(|status| status.code(), |_| Code::Ok);
        assert_eq!(code, Code::Unauthenticated, "{token:?}");
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_answers_what_was_sent() {
    let mut ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    let mut edge = Conversation::begin(&mut ferry.gateway(Some(EDGE_TOKEN)).await).await;
    let one = id(1);
    edge.ask(1, Request::Reserve(reserve(one, key, facts())))
        .await;
    ferry.terminate();
    let stopping = edge.next().await.expect("a word");
    assert_eq!(
        (stopping.call, stopping.status),
        (0, Code::Unavailable as u32)
    );
    // It was on its way when the server said so.
    let items = vec![settle(one, key)];
    let settled = edge
        .ask(2, Request::Settle(v1::SettleRequest { items }))
        .await;
    assert_eq!(settled.status, Code::Ok as u32, "{settled:?}");
    let Conversation { calls, mut answers } = edge;
    drop(calls);
    assert_eq!(answers.message().await.expect("no failure"), None);
    assert!(ferry.wait().success());
}
