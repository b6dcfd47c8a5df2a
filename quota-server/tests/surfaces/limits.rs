//! Limits, as an operator sets them, and as a gateway meets them.

use crate::ferry::{EDGE_TOKEN, Ferry};
use crate::gateway::{digest, facts, granted, id, release, reserve};
use crate::refusals::{refused, shape};
use ferry_api::v1;
use ferry_types::RequestFacts;

/// Runs a command that has to fail, and says why.
fn fails(ferry: &Ferry, arguments: &str) -> String {
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let ran = ferry.run(&arguments);
    assert_eq!(ran.status.code(), Some(1), "{arguments:?}: {}", ran.out);
    ran.err
}

fn done(ferry: &Ferry, arguments: &str) -> serde_json::Value {
    ferry.json(&arguments.split(' ').collect::<Vec<_>>())
}

fn of_user(name: &str) -> RequestFacts {
    let mut facts = facts();
    facts.tags.end_user = name.into();
    facts
}

#[tokio::test]
async fn a_gateway_is_told_which_limit_leaves_no_room_and_for_whom() {
    let ferry = Ferry::start();
    let key = digest(&ferry.tenant_with("acme", "5"));
    done(
        &ferry,
        "limit set acme users 1 --of requests --per at_once --each end_user",
    );
    let mut gateway = ferry.gateway(Some(EDGE_TOKEN)).await;
    let first = id(1);
    granted(&mut gateway, reserve(first, key, of_user("ann"))).await;
    let told = refused(&mut gateway, reserve(id(2), key, of_user("ann"))).await;
    let rate = "limit_reached 429 requests rate_limit_exceeded null 1 -";
    assert_eq!(shape(&told), rate);
    assert_eq!(
        told.message,
        "Limit 'users' on requests at once for end user 'ann' is reached: Limit 1, used 1, requested 1 (1 of it by requests in \
         progress). Please retry when other requests have ended."
    );
    // Another user has a counter of its own, and what has ended makes room.
    granted(&mut gateway, reserve(id(3), key, of_user("bob"))).await;
    let ended = v1::ReleaseRequest {
        items: vec![release(first, key)],
    };
    gateway.release(ended).await.expect("is released");
    granted(&mut gateway, reserve(id(4), key, of_user("ann"))).await;
    let counters = done(&ferry, "limit counters acme users");
    let subjects = counters["counters"].as_array().expect("a list");
    let subjects: Vec<_> = subjects.iter().map(|c| c["subject"].as_str()).collect();
    assert_eq!(subjects, [Some("ann"), Some("bob")]);
    assert_eq!(counters["counters"][0]["left"], "0");

    done(
        &ferry,
        "limit set acme spend 0.000001 --of money --per month",
    );
    let told = refused(&mut gateway, reserve(id(5), key, facts())).await;
    assert_eq!(
        shape(&told),
        "limit_reached 429 insufficient_quota organization_spend_limit_exceeded null - false"
    );
    assert!(
        told.message.contains("Limit 0.000001000 USD"),
        "{}",
        told.message
    );
}

#[test]
fn a_limit_is_set_shown_changed_and_taken_away() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    assert_eq!(
        done(&ferry, "limit list acme")["limits"],
        serde_json::json!([])
    );
    let set = done(
        &ferry,
        "limit set acme daily 2.50 --of money --per day --model echo --end-user ann",
    );
    assert_eq!(
        (&set["bound"], &set["currency"], &set["counter"]["left"]),
        (&"2.500000000".into(), &"USD".into(), &"2.500000000".into())
    );
    assert_eq!(
        set["scope"],
        serde_json::json!({"model": "echo", "end_user": "ann"})
    );
    let same = done(
        &ferry,
        "limit set acme daily 3 --of money --per day --model echo --end-user ann",
    );
    assert_eq!(same["bound"], "3.000000000");
    assert_eq!(
        done(&ferry, "limit list acme")["limits"][0]["bound"],
        "3.000000000"
    );
    let shown = ferry.run(&["limit", "list", "acme"]).out;
    let told = "daily  money  day  model echo, end_user ann  -     0.000000000  0.000000000  3.000000000  USD       -";
    assert!(shown.contains(told), "{shown}");
    let removed = done(&ferry, "limit remove acme daily");
    assert_eq!(removed["removed_now"], true);
    assert_eq!(
        done(&ferry, "limit remove acme daily")["removed_now"],
        false
    );
    let zoned = done(&ferry, "tenant zone acme Europe/Berlin");
    assert_eq!(zoned["zone"], "Europe/Berlin");
    assert_eq!(done(&ferry, "verify")["clean"], true);
}

#[test]
fn a_limit_that_could_not_hold_is_not_set() {
    let ferry = Ferry::start();
    ferry.tenant_with("acme", "5");
    done(&ferry, "limit set acme daily 5 --of requests --per day");
    for (arguments, said) in [
        (
            "limit set nobody daily 5 --of requests --per day",
            "no tenant 'nobody'",
        ),
        (
            "limit set acme more 5.5 --of requests --per day",
            "bound: '5.5' is not a number of requests",
        ),
        (
            "limit set acme more 1.0000000001 --of money --per day",
            "bound: ",
        ),
        (
            "limit set acme more 5 --of tokens --per day --model gpt-9",
            "the price table has no 'gpt-9'",
        ),
        (
            "limit set acme more 5 --of tokens --per day --key key_00000000",
            "there is no such key",
        ),
        ("limit set acme daily 5 --of tokens --per day", "measure"),
        ("limit set acme daily 5 --of requests --per hour", "span"),
        (
            "limit set acme more 5 --of tokens --per day --each key --at-most 10001",
            "subjects_max: 10001 is more than 10000",
        ),
        ("limit counters acme other", "'acme' has no limit 'other'"),
        ("tenant zone acme Europe/Bonn", "zone: not a time zone"),
    ] {
        let told = fails(&ferry, arguments);
        assert!(told.contains(said), "{arguments}: {told}");
    }
    let list = done(&ferry, "limit list acme");
    assert_eq!(list["limits"].as_array().map(Vec::len), Some(1));
}
