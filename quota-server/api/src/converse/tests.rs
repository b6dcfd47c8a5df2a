//! Both ends of a stream read what the other one writes.

use super::{Response, request, response};
use crate::method;
use crate::v1::converse_request::Request;
use crate::v1::converse_response::Response as Wire;
use crate::v1::{self, ConverseRequest, ConverseResponse};
use prost::Message;

#[test]
fn a_call_is_what_the_generated_code_writes() {
    let reserve = v1::ReserveRequest {
        reservation_id: vec![7; 300],
        ..Default::default()
    };
    let settle = v1::SettleRequest {
        items: vec![v1::SettleItem::default()],
    };
    let cases = [
        (
            method::RESERVE,
            reserve.encode_to_vec(),
            Request::Reserve(reserve),
        ),
        (
            method::RENEW,
            Vec::new(),
            Request::Renew(v1::RenewRequest::default()),
        ),
        (
            method::SETTLE,
            settle.encode_to_vec(),
            Request::Settle(settle),
        ),
        (
            method::RELEASE,
            Vec::new(),
            Request::Release(v1::ReleaseRequest::default()),
        ),
        (
            method::LIST_MODELS,
            Vec::new(),
            Request::ListModels(v1::ListModelsRequest::default()),
        ),
    ];
    for (method, message, typed) in cases {
        for (call, timeout_ms) in [(1, 0), (300, 2_000), (u64::MAX, u32::MAX)] {
            let generated = ConverseRequest {
                call,
                timeout_ms,
                request: Some(typed.clone()),
            };
            let written = request(call, method, timeout_ms, &message);
            assert_eq!(written, Some(generated.encode_to_vec()), "{method} {call}");
        }
    }
    assert_eq!(request(1, "Other", 1, b""), None);
}

#[test]
fn an_answer_is_read_as_the_generated_code_writes_it() {
    let reserve = v1::ReserveResponse {
        server_time_unix_ms: 1_900_000_000_000,
        outcome: None,
        position: None,
    };
    let encoded = reserve.encode_to_vec();
    let released = v1::ReleaseResponse::default();
    let cases = [
        (300, 0, Some(Wire::Reserve(reserve)), Ok(encoded)),
        (1, 0, Some(Wire::Release(released)), Ok(Vec::new())),
        (u64::MAX, 14, None, Err(14)),
        (0, 14, None, Err(14)),
    ];
    for (call, status, wire, expected) in cases {
        let bytes = ConverseResponse {
            call,
            status,
            response: wire,
        }
        .encode_to_vec();
        let result = expected
            .as_ref()
            .map(Vec::as_slice)
            .map_err(|status| *status);
        assert_eq!(response(&bytes), Some(Response { call, result }));
        // An empty response says as much as none.
        let says = result != Ok(&[]);
        for cut in (0..bytes.len()).filter(|_| says) {
            assert_ne!(
                response(&bytes[..cut]),
                Some(Response { call, result }),
                "{cut}"
            );
        }
    }
}

#[test]
fn what_is_not_known_is_skipped_and_what_is_broken_is_not_read() {
    // Field 9 as a number and as bytes, then the call.
    assert_eq!(
        response(&[0x48, 1, 0x4a, 2, 8, 8, 8, 5]),
        Some(Response {
            call: 5,
            result: Ok(&[])
        })
    );
    for broken in [
        &[0x1a, 5, 0][..],
        &[0x80],
        &[8],
        &[0x0d, 0, 0, 0, 0],
        &[0x1a, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ] {
        assert_eq!(response(broken), None, "{broken:?}");
    }
}
