//! Leases: renewed while their streams live, and what becomes of one that ends.

use super::*;

fn renew_items(call: &OutboxCall) -> Vec<RenewItem> {
    assert_eq!(call.method, method::RENEW);
    RenewRequest::decode(call.message.as_slice())
        .expect("message")
        .items
}

fn renewed(outcome: renew_result::Outcome) -> Vec<u8> {
    let results = vec![v1::RenewResult {
        outcome: Some(outcome),
        position: None,
    }];
    v1::RenewResponse {
        server_time_unix_ms: 1,
        results,
    }
    .encode_to_vec()
}

#[test]
fn a_lease_is_renewed_at_every_third_with_the_usage_so_far() {
    let mut fixture = Fixture::new();
    fixture
        .outbox
        .leases()
        .open(id(1), Caller::default(), 900, 1_000);
    assert_eq!(fixture.outbox.due_at(), Some(1_300));
    let usage = Usage {
        output_tokens: 7,
        ..Usage::default()
    };
    fixture.outbox.leases().note_usage(&id(1), usage);
    assert_eq!(fixture.due(1_200), []);
    let call = fixture.due(1_300).remove(0);
    assert_eq!(renew_items(&call)[0].usage, Some(usage));
    assert_eq!(fixture.due(2_000), []);
    fixture.answered(
        &call,
        Ok(&renewed(renew_result::Outcome::Renewed(Renewed {
            lease_ms: 900,
            output_tokens_max: 30,
        }))),
        1_310,
    );
    assert_eq!(fixture.outbox.due_at(), Some(1_600));
    fixture.outbox.leases().close(&id(1));
    assert_eq!(fixture.due(1_600), []);
    assert!(fixture.outbox.leases().is_empty());
    assert_eq!(fixture.counted, [(Metric::Renewed, 1)]);
}

#[test]
fn a_renewal_that_failed_is_tried_again_until_the_lease_is_over() {
    let mut fixture = Fixture::new();
    fixture
        .outbox
        .leases()
        .open(id(1), Caller::default(), 900, 0);
    let call = fixture.due(300).remove(0);
    fixture.answered(&call, Err(UNAVAILABLE), 310);
    assert_eq!(fixture.outbox.due_at(), Some(360));
    let call = fixture.due(360).remove(0);
    fixture.answered(&call, Err(UNAVAILABLE), 895);
    assert_eq!(fixture.due(995), []);
    assert_eq!(fixture.outbox.due_at(), None);
    let counters = &mut fixture.counters;
    counters.drain(|metric, by| fixture.counted.push((metric, by)));
    assert!(fixture.counted.contains(&(Metric::LeaseLost, 1)));
}

#[test]
fn an_outage_is_not_met_with_a_storm_of_renewals() {
    let mut fixture = Fixture::new();
    fixture
        .outbox
        .leases()
        .open(id(1), Caller::default(), 60_000, 0);
    let mut tried_ms = Vec::new();
    while let Some(due_ms) = fixture.outbox.due_at().filter(|due| *due < 60_000) {
        let call = fixture.due(due_ms).remove(0);
        fixture.answered(&call, Err(UNAVAILABLE), due_ms);
        tried_ms.push(due_ms - 20_000);
    }
    // Each wait is half of 100 ms, 200 ms, and so on up to 5 s; the other half is left to chance.
    let first = [0, 50, 150, 350, 750, 1_550, 3_150, 5_650, 8_150];
    assert_eq!(tried_ms.get(..first.len()), Some(first.as_slice()));
    assert_eq!(tried_ms.len(), 21);

    // Once one goes through, the next failure is a first one again.
    let leases = fixture.outbox.leases();
    leases.close(&id(1));
    leases.open(id(2), Caller::default(), 60_000, 60_000);
    let call = fixture.due(80_000).remove(0);
    let granted = renew_result::Outcome::Renewed(Renewed {
        lease_ms: 60_000,
        output_tokens_max: 30,
    });
    fixture.answered(&call, Ok(&renewed(granted)), 80_000);
    let call = fixture.due(100_000).remove(0);
    fixture.answered(&call, Err(UNAVAILABLE), 100_000);
    assert_eq!(fixture.outbox.due_at(), Some(100_050));
}

#[test]
fn a_lease_that_the_server_ended_is_recorded_once() {
    let ended = renew_result::Outcome::Ended(v1::Ended { state: 5 });
    let not_found = renew_result::Outcome::Error(ItemError {
        code: 5,
        message: "unknown".into(),
    });
    for outcome in [ended, not_found] {
        let mut fixture = Fixture::new();
        fixture
            .outbox
            .leases()
            .open(id(1), Caller::default(), 900, 0);
        let call = fixture.due(300).remove(0);
        let learned = fixture.answered(&call, Ok(&renewed(outcome)), 310);
        assert_eq!(learned.problems.len(), 1);
        assert_eq!(fixture.counted, [(Metric::LeaseLost, 1)]);
        assert_eq!(fixture.outbox.due_at(), None);
    }
}

/// A stream that is to be cut when its lease is lost is told of once, however that was lost; one that may finish never is.
#[test]
fn a_stream_is_cut_once_if_it_is_to_be() {
    let ended = renew_result::Outcome::Ended(v1::Ended { state: 5 });
    for answer in [Ok(renewed(ended)), Err(UNAVAILABLE)] {
        let mut fixture = Fixture::new();
        let leases = fixture.outbox.leases();
        leases.open(id(1), Caller::default(), 900, 0);
        leases.open(id(2), Caller::default(), 90_000, 0);
        leases.cut_when_lost(&id(1), 41);
        leases.cut_when_lost(&id(2), 42);
        let call = fixture.due(300).remove(0);
        fixture.answered(&call, answer.as_deref().map_err(|status| *status), 310);
        let retried = fixture.due(900);
        assert!(retried.is_empty(), "{retried:?}");
        let leases = fixture.outbox.leases();
        assert_eq!(
            (leases.is_cut(&id(1)), leases.is_cut(&id(2))),
            (true, false)
        );
        assert_eq!((leases.take_cut(), leases.take_cut()), (vec![41], vec![]));
        leases.close(&id(1));
        assert!(!leases.is_cut(&id(1)));
    }
}

#[test]
fn a_lease_of_no_length_is_lost_not_renewed_for_ever() {
    let mut fixture = Fixture::new();
    fixture.outbox.leases().open(id(1), Caller::default(), 0, 0);
    assert_eq!(fixture.due(1), []);
    assert_eq!(fixture.outbox.due_at(), None);
}

#[test]
fn renewals_are_batched() {
    let mut fixture = Fixture::new();
    for number in 0..8 {
        fixture
            .outbox
            .leases()
            .open(id(number), Caller::default(), 1_200, u64::from(number));
    }
    // All are due within a twelfth of a lease; a call takes three; two calls may be under way.
    let calls = fixture.due(400);
    let sizes: Vec<usize> = calls.iter().map(|call| renew_items(call).len()).collect();
    assert_eq!(sizes, [3, 3]);
    fixture.answered(&calls[0], Err(UNAVAILABLE), 401);
    assert_eq!(renew_items(&fixture.due(402)[0]).len(), 2);
}
