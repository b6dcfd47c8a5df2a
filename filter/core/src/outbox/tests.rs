mod leases;

use ferry_api::v1::{
    self, Conflict, ItemError, Parked, Released, Renewed, SettleResult, Settled, Usage,
    release_result, renew_result, settle_result,
};

use super::*;

const UNAVAILABLE: u32 = 14;
const INVALID_ARGUMENT: u32 = 3;

struct Fixture {
    outbox: Outbox,
    counters: Counters,
    counted: Vec<(Metric, u64)>,
}

fn limits() -> Limits {
    Limits {
        body_bytes_max: 1,
        outbox_slots: 8,
        batch_items: 3,
        batch_delay_ms: 10,
        calls_in_flight: 2,
    }
}

fn id(number: u8) -> ReservationId {
    ReservationId::new(1, [number; 10])
}

fn item(number: u8) -> SettleItem {
    SettleItem {
        reservation_id: id(number).as_bytes().to_vec(),
        ..SettleItem::default()
    }
}

impl Fixture {
    fn new() -> Self {
        let timeouts = Timeouts {
            reserve_ms: 1,
            outbox_ms: 777,
        };
        Self {
            outbox: Outbox::new(limits(), timeouts),
            counters: Counters::default(),
            counted: Vec::new(),
        }
    }

    fn settle(&mut self, number: u8, now_ms: u64) {
        let slot = self.outbox.take_slot().expect("room");
        self.outbox.settle(slot, item(number), now_ms);
    }

    fn release(&mut self, number: u8, now_ms: u64) {
        let slot = self.outbox.take_slot().expect("room");
        self.outbox
            .release(slot, id(number), Caller::default(), now_ms);
    }

    fn due(&mut self, now_ms: u64) -> Vec<OutboxCall> {
        self.outbox.due(now_ms, &mut self.counters)
    }

    fn answered(&mut self, call: &OutboxCall, result: CallResult<'_>, now_ms: u64) -> Learned {
        let learned = self
            .outbox
            .answered(call.id, result, now_ms, 0, &mut self.counters);
        let counted = &mut self.counted;
        self.counters.drain(|metric, by| counted.push((metric, by)));
        learned
    }
}

fn settled(outcomes: Vec<settle_result::Outcome>) -> Vec<u8> {
    let results = outcomes
        .into_iter()
        .map(|outcome| SettleResult {
            outcome: Some(outcome),
            position: None,
        })
        .collect();
    v1::SettleResponse {
        server_time_unix_ms: 5,
        results,
    }
    .encode_to_vec()
}

fn ok() -> settle_result::Outcome {
    settle_result::Outcome::Settled(Settled::default())
}

#[test]
fn a_batch_goes_when_it_is_full_or_has_waited() {
    let mut fixture = Fixture::new();
    fixture.settle(1, 100);
    assert_eq!(fixture.outbox.due_at(), Some(110));
    assert_eq!(fixture.due(109), []);
    fixture.settle(2, 105);
    let calls = fixture.due(110);
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (calls[0].method, calls[0].timeout_ms),
        (method::SETTLE, 777)
    );
    let request = SettleRequest::decode(calls[0].message.as_slice()).expect("message");
    assert_eq!(request.items, [item(1), item(2)]);
    for number in 3..6 {
        fixture.settle(number, 111);
    }
    assert_eq!(fixture.outbox.due_at(), Some(0));
    assert_eq!(fixture.due(111).len(), 1);
    // Two calls are under way, which is all there may be.
    fixture.settle(6, 112);
    assert_eq!(fixture.outbox.due_at(), None);
    assert_eq!(fixture.due(10_000), []);
}

#[test]
fn slots_bound_what_is_owed_and_are_free_once_it_is_acknowledged() {
    let mut fixture = Fixture::new();
    for number in 0..8 {
        fixture.settle(number, 0);
    }
    assert!(fixture.outbox.take_slot().is_none());
    let calls = fixture.due(10);
    assert!(fixture.outbox.take_slot().is_none());
    let learned = fixture.answered(&calls[0], Ok(&settled(vec![ok(), ok(), ok()])), 20);
    assert_eq!(
        learned,
        Learned {
            server_time_unix_ms: 5,
            problems: Vec::new()
        }
    );
    assert_eq!(fixture.outbox.depth(), 5);
    let slot = fixture.outbox.take_slot().expect("room again");
    fixture.outbox.give_back(slot);
    assert_eq!(fixture.outbox.depth(), 5);
    assert_eq!(fixture.counted, [(Metric::Settled, 3)]);
    assert!(!fixture.outbox.is_empty());
}

#[test]
fn a_failed_call_is_made_again_after_a_growing_wait() {
    let mut fixture = Fixture::new();
    fixture.settle(1, 0);
    let mut now_ms = 10;
    let mut waits = Vec::new();
    for _ in 0..9 {
        let calls = fixture.due(now_ms);
        assert_eq!(calls.len(), 1);
        let learned = fixture.answered(&calls[0], Err(UNAVAILABLE), now_ms);
        assert_eq!(
            learned.problems,
            ["failed to deliver 1 settlements: gRPC status 14"]
        );
        let due_ms = fixture.outbox.due_at().expect("due");
        waits.push(due_ms - now_ms);
        assert_eq!(fixture.due(due_ms - 1), []);
        now_ms = due_ms;
    }
    assert_eq!(waits, [50, 100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500]);
    assert_eq!(fixture.outbox.depth(), 1);
    let calls = fixture.due(now_ms);
    fixture.answered(&calls[0], Ok(&settled(vec![ok()])), now_ms);
    assert!(fixture.outbox.is_empty());
    assert_eq!(fixture.outbox.due_at(), None);
}

#[test]
fn the_wait_is_random_in_its_upper_half() {
    for random in [0, 1, 49, 50, 51, u64::MAX] {
        let wait_ms = lane::backoff_ms(0, random);
        assert!((50..=100).contains(&wait_ms), "{random}: {wait_ms}");
    }
    assert!((2_500..=5_000).contains(&lane::backoff_ms(u32::MAX, u64::MAX)));
}

#[test]
fn each_item_has_its_own_fate() {
    let error = |code| {
        settle_result::Outcome::Error(ItemError {
            code,
            message: "why".into(),
        })
    };
    let cases = [
        (ok(), None, Metric::Settled),
        (
            settle_result::Outcome::Conflict(Conflict {
                field: "cause".into(),
            }),
            Some("dropped one of the settlements: conflict in cause"),
            Metric::OutboxDropped,
        ),
        (
            settle_result::Outcome::Parked(Parked {}),
            Some("dropped one of the settlements: parked for a person"),
            Metric::OutboxDropped,
        ),
        (
            error(7),
            Some("dropped one of the settlements: status 7: why"),
            Metric::OutboxDropped,
        ),
        (
            error(9),
            Some("dropped one of the settlements: status 9: why"),
            Metric::OutboxDropped,
        ),
    ];
    for (outcome, problem, metric) in cases {
        let mut fixture = Fixture::new();
        fixture.settle(1, 0);
        let call = fixture.due(10).remove(0);
        let learned = fixture.answered(&call, Ok(&settled(vec![outcome.clone()])), 20);
        let expected: Vec<String> = problem
            .iter()
            .map(|problem| format!("{}: {problem}", id(1)))
            .collect();
        assert_eq!(learned.problems, expected, "{outcome:?}");
        assert_eq!(fixture.counted, [(metric, 1)], "{outcome:?}");
        assert!(fixture.outbox.is_empty(), "{outcome:?}");
    }
}

#[test]
fn an_item_that_the_server_cannot_take_now_waits_alone() {
    let mut fixture = Fixture::new();
    fixture.settle(1, 0);
    fixture.settle(2, 0);
    let call = fixture.due(10).remove(0);
    let later = settle_result::Outcome::Error(ItemError {
        code: UNAVAILABLE,
        message: String::new(),
    });
    fixture.answered(&call, Ok(&settled(vec![later, ok()])), 20);
    assert_eq!(fixture.outbox.depth(), 1);
    assert_eq!(fixture.outbox.due_at(), Some(1_020));
    assert_eq!(fixture.due(1_019), []);
    let call = fixture.due(1_020).remove(0);
    assert_eq!(
        SettleRequest::decode(call.message.as_slice())
            .expect("message")
            .items,
        [item(1)]
    );
    // An answer with too few results says nothing about the rest.
    fixture.answered(&call, Ok(&settled(vec![])), 1_030);
    assert_eq!(fixture.outbox.depth(), 1);
}

#[test]
fn a_call_that_cannot_be_read_is_taken_apart() {
    let mut fixture = Fixture::new();
    for number in 1..4 {
        fixture.settle(number, 0);
    }
    let call = fixture.due(10).remove(0);
    fixture.answered(&call, Err(INVALID_ARGUMENT), 20);
    let calls = fixture.due(20);
    assert_eq!(calls.len(), 2);
    let learned = fixture.answered(&calls[0], Err(INVALID_ARGUMENT), 30);
    assert_eq!(
        learned.problems,
        [format!(
            "{}: dropped one of the settlements: the server cannot read it",
            id(1)
        )]
    );
    fixture.answered(&calls[1], Ok(&settled(vec![ok()])), 30);
    assert_eq!(fixture.outbox.depth(), 1);
    let call = fixture.due(30).remove(0);
    assert_eq!(
        SettleRequest::decode(call.message.as_slice())
            .expect("message")
            .items,
        [item(3)]
    );
    fixture.answered(&call, Ok(&settled(vec![ok()])), 40);
    assert!(fixture.outbox.is_empty());
}

#[test]
fn garbage_is_not_an_answer() {
    let mut fixture = Fixture::new();
    fixture.settle(1, 0);
    let call = fixture.due(10).remove(0);
    let learned = fixture.answered(&call, Ok(b"\xff\xff"), 20);
    assert_eq!(
        learned.problems,
        ["failed to deliver 1 settlements: the answer cannot be read"]
    );
    assert_eq!(fixture.outbox.depth(), 1);
    // Nor is an answer to a call that nobody made.
    let unknown = OutboxCall { id: 99, ..call };
    assert_eq!(fixture.answered(&unknown, Ok(b""), 20), Learned::default());
    assert_eq!(fixture.outbox.depth(), 1);
}

#[test]
fn releases_go_their_own_way() {
    let mut fixture = Fixture::new();
    fixture.settle(1, 0);
    fixture.release(2, 0);
    let calls = fixture.due(10);
    assert_eq!(
        calls.iter().map(|call| call.method).collect::<Vec<_>>(),
        [method::SETTLE, method::RELEASE]
    );
    let outcome = Some(release_result::Outcome::Released(Released {}));
    // What the filter has no use for is in nobody's way.
    let position = Some(v1::Position {
        seq: 12,
        time_unix_ms: 1,
        available: "4.5".into(),
        currency: "USD".into(),
    });
    let results = vec![v1::ReleaseResult { outcome, position }];
    let answer = v1::ReleaseResponse {
        server_time_unix_ms: 1,
        results,
    }
    .encode_to_vec();
    fixture.answered(&calls[1], Ok(&answer), 20);
    assert_eq!(fixture.counted, [(Metric::Released, 1)]);
    assert_eq!(fixture.outbox.depth(), 1);
}
