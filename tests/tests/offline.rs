//! What happens while the quota server cannot be reached: as the route says. And what does not happen in shadow mode.

#[path = "offline/admit_known.rs"]
mod admit_known;
#[path = "offline/deny.rs"]
mod deny;
#[path = "offline/shadow.rs"]
mod shadow;

use ferry_tests::client::Answer;

/// What a client is told that can do nothing but try again.
fn assert_unreachable(answer: &Answer) {
    let expected = (
        503,
        "service_unavailable_error".to_owned(),
        Some("server_is_overloaded".to_owned()),
    );
    assert_eq!(answer.error(), expected, "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
    assert_eq!(answer.header("x-should-retry"), Some("true"), "{answer:?}");
}
