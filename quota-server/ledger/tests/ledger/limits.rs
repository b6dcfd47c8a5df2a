//! Limits: what counts on them, when, and what is refused for them.

use crate::forged::forged_in;
use crate::verify::{Table, replay};
use crate::world::{START, World, offer};
use ferry_ledger::*;

/// "bound measure span", then "each key", "most n" and "on key" or "on model x", "on user x", in this order.
pub fn set(words: &[&str]) -> Command {
    let [id, bound, measure, span, rest @ ..] = words else {
        panic!("no such limit: {words:?}");
    };
    let measure = Measure::ALL.into_iter().find(|m| m.name() == *measure);
    let span = Span::ALL.into_iter().find(|s| s.name() == *span);
    let mut terms = LimitTerms {
        measure: measure.expect("a measure"),
        span: span.expect("a span"),
        scope: LimitScope::default(),
        each: None,
        bound: bound.parse().expect("a number"),
        subjects_max: 1_000,
    };
    for pair in rest.chunks(2) {
        match pair {
            ["each", each] => terms.each = Each::ALL.into_iter().find(|e| e.name() == *each),
            ["most", most] => terms.subjects_max = most.parse().expect("a number"),
            ["key", key] => terms.scope.key = Some(key.parse().expect("a key")),
            ["model", model] => terms.scope.model = Some((*model).into()),
            ["user", user] => terms.scope.end_user = Some((*user).into()),
            _ => panic!("no such limit: {words:?}"),
        }
    }
    Command::SetLimit(Box::new(SetLimit {
        id: id.parse().expect("an id"),
        terms,
    }))
}

/// "id subject held/used" of each counter that has anything.
fn counters(world: &World) -> String {
    let book = &world.book;
    let counted = |(id, limit): (&ferry_types::LimitId, &Limit)| {
        let own = book.counters.iter();
        let own = own
            .filter(|((number, _), counter)| *number == limit.number && **counter != Counter::ZERO);
        own.map(|((_, subject), counter)| {
            let subject = subject.text();
            let (held, used) = (counter.held, counter.used);
            format!("{id}{subject} {held}/{used}")
        })
        .collect::<Vec<_>>()
    };
    let all: Vec<_> = book.limits.iter().flat_map(counted).collect();
    all.join(" ")
}

/// Steps, the last answer, and the counters after it; the balance is 100,000. A request holds 100 for an input that counts 10 and an
/// output of at most 30, and comes to 30 for 20 and 5.
fn check(cases: &str) {
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [steps, answer, expected] = cells[..] else {
            panic!("three cells: {line}");
        };
        let mut world = World::with(100_000);
        assert_eq!(world.play(steps), answer, "{line}");
        assert_eq!(counters(&world), expected, "{line}");
        is_made_again(&world);
    }
}

/// The journal makes the same limits and counters again.
pub fn is_made_again(world: &World) {
    let replayed = replay(world, &world.entries, &Table(offer())).expect("no difference");
    assert_eq!(replayed.book().limits, world.book.limits);
    assert_eq!(replayed.book().counters, world.book.counters);
}

#[test]
fn a_request_holds_what_it_may_come_to_and_then_counts_for_what_it_did() {
    check(
        "
        limit a 5 requests day, reserve                        | granted 100 for 30     | a 1/0
        limit a 5 requests day, reserve, settle                | settled 30 released 70 | a 0/1
        limit a 5 requests day, reserve, release               | released               |
        limit a 5 requests at_once, reserve                    | granted 100 for 30     | a 1/0
        limit a 5 requests at_once, reserve, settle            | settled 30 released 70 |
        limit a 99 input_tokens day, reserve                   | granted 100 for 30     | a 10/0
        limit a 99 input_tokens day, reserve, settle           | settled 30 released 70 | a 0/20
        limit a 99 output_tokens day, reserve                  | granted 100 for 30     | a 30/0
        limit a 99 output_tokens day, reserve, settle          | settled 30 released 70 | a 0/5
        limit a 99 tokens day, reserve                         | granted 100 for 30     | a 40/0
        limit a 99 tokens day, reserve, settle                 | settled 30 released 70 | a 0/25
        limit a 999 money day, reserve                         | granted 100 for 30     | a 100/0
        limit a 999 money day, reserve, settle                 | settled 30 released 70 | a 0/30
        limit a 999 money at_once, reserve                     | granted 100 for 30     | a 100/0
        limit a 999 money at_once, reserve, settle             | settled 30 released 70 |
        limit a 9 requests day, limit b 99 tokens hour, reserve | granted 100 for 30    | a 1/0 b 40/0
        limit a 999 money day, reserve, renew 4, wait 99999, expire | expired 18        | a 0/18
        limit a 9 requests day, reserve, wait 99999, expire    | expired 0              | a 0/1
        limit a 999 money day, reserve, renew 4, wait 99999, expire, settle  | settled 30 released 70 | a 0/30
        limit a 999 money day, reserve, renew 4, wait 99999, expire, release | released |
        limit a 999 money day, reserve, release, settle        | settled 30 released 70 | a 0/30
        limit a 999 money day, reserve, settle counted 9, settle | settled 30 released 70 | a 0/30
        limit a 9 requests day, reserve, settle counted 9, settle | settled 30 released 70 | a 0/1
        limit a 999 money day, settle                          | settled 30 released 0  | a 0/30
        limit a 999 money day, release, settle                 | settled 30 released 0  | a 0/30
        reserve, limit a 999 money day, settle                 | settled 30 released 70 |
        settle counted 9, limit a 999 money day, settle        | settled 30 released 0  |
        shadow, limit a 0 money day, reserve, settle           | settled 0 released 0   |
    ",
    );
}

#[test]
fn what_a_limit_leaves_no_room_for_is_refused_and_counts_nowhere() {
    check(
        "
        limit a 1 requests day, reserve, request 1, reserve    | refused limit_reached  | a 1/0
        limit a 1 requests day, reserve, settle, request 1, reserve | refused limit_reached | a 0/1
        limit a 1 requests day, reserve, release, request 1, reserve | granted 100 for 30 | a 1/0
        limit a 1 requests at_once, reserve, settle, request 1, reserve | granted 100 for 30 | a 1/0
        limit a 0 requests day, reserve                        | refused limit_reached  |
        limit a 0 money lifetime, reserve                      | refused limit_reached  |
        limit a 0 money at_once, reserve                       | refused limit_reached  |
        limit a 9 input_tokens day, reserve                    | refused limit_reached  |
        limit a 10 input_tokens day, reserve                   | granted 100 for 30     | a 10/0
        limit a 29 output_tokens day, reserve                  | refused limit_reached  |
        limit a 30 output_tokens day, reserve                  | granted 100 for 30     | a 30/0
        limit a 39 tokens day, reserve                         | refused limit_reached  |
        limit a 40 tokens day, reserve                         | granted 100 for 30     | a 40/0
        limit a 99 money day, reserve                          | refused limit_reached  |
        limit a 100 money day, reserve                         | granted 100 for 30     | a 100/0
        limit a 9 requests day, limit b 99 money day, reserve  | refused limit_reached  |
        limit a 99 money day model other, reserve              | granted 100 for 30     |
        limit a 99 money day model gpt-4o, reserve             | refused limit_reached  |
        limit a 99 money day key key_00000000, reserve         | refused limit_reached  |
        limit a 99 money day user ann, reserve                 | granted 100 for 30     |
        limit a 99 money day user ann, user ann, reserve       | refused limit_reached  |
        limit a 99 money day, shadow, reserve                  | granted 100 for 30     |
    ",
    );
}

/// Where the client set no limit, what the limits leave is what is written into the request: the policy's 50 at most, 10 at least.
#[test]
fn a_request_without_an_output_limit_gets_the_largest_that_fits() {
    check(
        "
        limit a 999 output_tokens day, reserve unlimited       | granted 140 for 50 clamped | a 50/0
        limit a 33 output_tokens day, reserve unlimited        | granted 106 for 33 clamped | a 33/0
        limit a 33 tokens day, reserve unlimited               | granted 86 for 23 clamped  | a 33/0
        limit a 121 money day, reserve unlimited               | granted 120 for 40 clamped | a 120/0
        limit a 121 money day, limit b 12 output_tokens hour, reserve unlimited | granted 64 for 12 clamped | a 64/0 b 12/0
        limit a 10 output_tokens day, reserve unlimited        | granted 60 for 10 clamped  | a 10/0
        limit a 9 output_tokens day, reserve unlimited         | refused limit_reached      |
        limit a 59 money day, reserve unlimited                | refused limit_reached      |
    ",
    );
}

#[test]
fn a_target_is_raised_as_far_as_limits_leave_room() {
    check(
        "
        limit a 140 money day, reserve, renew 1 for 50         | renewed for 50 | a 140/0
        limit a 139 money day, reserve, renew 1 for 50         | renewed        | a 100/0
        limit a 50 output_tokens day, reserve, renew 1 for 50  | renewed for 50 | a 50/0
        limit a 49 output_tokens day, reserve, renew 1 for 50  | renewed        | a 30/0
        limit a 1 requests day, reserve, renew 1 for 50        | renewed for 50 | a 1/0
        limit a 100 money day, reserve, limit a 1 money day, renew 1 | renewed  | a 100/0
        limit a 9 requests day, reserve, limit a 0 requests day, renew 1 for 50 | renewed for 50 | a 1/0
        limit a 100 money minute, reserve, wait 60000, renew 1 for 50 | renewed for 50 | a 140/0
        limit a 99 money at_once, limit a 200 money at_once, reserve, request 1, reserve, renew 1 for 31 | renewed | a 200/0
    ",
    );
}

/// START is 08:00 of a Friday in UTC.
#[test]
fn a_limit_begins_anew_with_its_window_and_an_end_counts_where_the_request_came() {
    check(
        "
        limit a 1 requests minute, reserve, wait 59999, request 1, reserve     | refused limit_reached | a 1/0
        limit a 1 requests minute, reserve, wait 60000, request 60001, reserve | granted 100 for 30    | a 1/0
        limit a 1 requests minute, reserve, settle, wait 60000, request 60001, reserve | granted 100 for 30 | a 1/0
        limit a 999 money minute, reserve, wait 60000, settle                  | settled 30 released 70 | a 0/30
        limit a 999 money minute, reserve, wait 60000, request 60001, reserve, request 0, settle | settled 30 released 70 | a 100/0
        limit a 1 requests lifetime, reserve, settle, wait 99999999999, request 99999999999, reserve | refused limit_reached | a 0/1
        limit a 1 requests hour, reserve, settle, wait 3599999, request 3599999, reserve | refused limit_reached | a 0/1
        limit a 1 requests hour, reserve, settle, wait 3600000, request 3600000, reserve | granted 100 for 30 | a 1/0
        limit a 1 requests day, reserve, settle, wait 57599999, request 57599999, reserve | refused limit_reached | a 0/1
        limit a 1 requests day, reserve, settle, wait 57600000, request 57600000, reserve | granted 100 for 30 | a 1/0
        limit a 1 requests at_once, reserve, wait 99999999, request 99999999, reserve     | refused limit_reached | a 1/0
    ",
    );
}

#[test]
fn subjects_are_counted_apart_and_what_is_too_many_together() {
    check(
        "
        limit a 1 requests day each end_user, user ann, reserve, user bob, request 1, reserve | granted 100 for 30 | a=ann 1/0 a=bob 1/0
        limit a 1 requests day each end_user, user ann, reserve, request 1, reserve    | refused limit_reached | a=ann 1/0
        limit a 1 requests day each end_user, reserve, request 1, reserve              | refused limit_reached | a- 1/0
        limit a 1 requests day each end_user, reserve, user ann, request 1, reserve    | granted 100 for 30    | a- 1/0 a=ann 1/0
        limit a 9 requests day each key, reserve                                       | granted 100 for 30    | a=key_00000000 1/0
        limit a 9 requests day each model, reserve                                     | granted 100 for 30    | a=gpt-4o 1/0
        limit a 9 requests day each feature, reserve                                   | granted 100 for 30    | a- 1/0
        limit a 1 requests day each end_user most 1, user ann, reserve, user bob, request 1, reserve | granted 100 for 30 | a- 1/0 a=ann 1/0
        limit a 1 requests day each end_user most 1, user ann, reserve, user bob, request 1, reserve, user eve, request 2, reserve | refused limit_reached | a- 1/0 a=ann 1/0
        limit a 1 requests day each end_user most 1, user ann, reserve, release, user bob, request 1, reserve | granted 100 for 30 | a=bob 1/0
        limit a 2 requests day each end_user most 1, user ann, reserve, request 1, reserve | granted 100 for 30 | a=ann 2/0
        limit a 1 requests minute each end_user most 1, user ann, reserve, settle, wait 60000, user bob, request 60000, reserve | granted 100 for 30 | a=bob 1/0
        limit a 1 requests day each end_user most 0, user ann, reserve, user bob, request 1, reserve | refused limit_reached | a- 1/0
    ",
    );
}

#[test]
fn what_was_counted_stays_when_the_bound_changes_and_goes_with_the_limit() {
    check(
        "
        limit a 1 requests day, reserve, limit a 2 requests day, request 1, reserve   | granted 100 for 30    | a 2/0
        limit a 2 requests day, reserve, limit a 1 requests day, request 1, reserve   | refused limit_reached | a 1/0
        limit a 1 requests day, limit a 1 requests day                                | unchanged             |
        limit a 1 requests day, limit a 1 requests hour                               | conflict span         |
        limit a 1 requests day, limit a 1 tokens day                                  | conflict measure      |
        limit a 1 requests day, limit a 1 requests day each key                       | conflict each         |
        limit a 1 requests day, limit a 1 requests day user ann                       | conflict scope        |
        limit a 1 requests day, limit a 1 requests day most 7                         | done                  |
        limit a 1 requests day, reserve, unset a, request 1, reserve                  | granted 100 for 30    |
        limit a 1 requests day, reserve, unset a, limit a 1 requests day, settle      | settled 30 released 70 |
        limit a 1 requests day, reserve, unset a, limit a 1 requests day, request 1, reserve | granted 100 for 30 | a 1/0
        limit a 1 requests day key key_11111111                                       | UnknownKey            |
        unset a                                                                       | unchanged             |
    ",
    );
}

#[test]
fn a_tenant_has_so_many_limits_and_no_more() {
    let mut world = World::with(0);
    for number in 0..LIMITS_MAX {
        assert_eq!(
            world.play(&format!("limit l{number} 1 requests day")),
            "done"
        );
    }
    let most = format!("TooManyLimits {{ most: {LIMITS_MAX} }}");
    assert_eq!(world.play("limit more 1 requests day"), most);
    assert_eq!(world.play("limit l0 2 requests day"), "done");
    world.play("unset l0");
    assert_eq!(world.play("limit more 1 requests day"), "done");
}

#[test]
fn of_several_limits_the_one_that_lasts_longest_is_named() {
    let named = |limits: &str| {
        let mut world = World::with(100_000);
        world.play(&format!("{limits}, reserve"));
        let refused = world
            .book
            .refused
            .get(&world.id)
            .map(|refused| &refused.refusal);
        match refused {
            Some(Refusal::LimitReached(reached)) => reached.limit.to_string(),
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(
        named("limit a 0 requests minute, limit b 0 requests day"),
        "b"
    );
    assert_eq!(
        named("limit a 0 requests lifetime, limit b 0 requests day"),
        "a"
    );
    assert_eq!(
        named("limit a 0 requests at_once, limit b 0 requests minute"),
        "b"
    );
    assert_eq!(named("limit b 0 requests day, limit a 0 requests day"), "b");
}

/// limits | type | code | retry after | should retry | part of the sentence
const CONTRACT: &str = "
    limit a 0 requests day                 | insufficient_quota | organization_usage_limit_exceeded | -  | false | larger than the limit
    limit a 0 tokens lifetime              | insufficient_quota | organization_usage_limit_exceeded | -  | false | larger than the limit
    limit a 99 money month                 | insufficient_quota | organization_spend_limit_exceeded | -  | false | 0.000000099 USD
    limit a 99 money month each end_user   | insufficient_quota | project_spend_limit_exceeded      | -  | false | without a known end user
    limit a 99 money hour key key_00000000 | insufficient_quota | project_spend_limit_exceeded      | -  | false | spending per hour
    limit a 1 requests minute, reserve     | requests           | rate_limit_exceeded               | 60 | -     | Limit 1, used 1, requested 1 (1 of it by requests in progress)
    limit a 1 requests minute, reserve, settle, wait 58500 | requests | rate_limit_exceeded         | 2  | -     | begins anew at 2027-01-15T08:01:00Z
    limit a 50 tokens minute, reserve      | tokens             | rate_limit_exceeded               | 60 | -     | Limit 50, used 40, requested 40
    limit a 39 tokens minute               | tokens             | rate_limit_exceeded               | -  | false | larger than the limit
    limit a 1 requests at_once, reserve    | requests           | rate_limit_exceeded               | 1  | -     | when other requests have ended
    limit a 150 money at_once, reserve     | requests           | rate_limit_exceeded               | 1  | -     | spending at once
    limit a 1 requests lifetime, reserve   | insufficient_quota | organization_usage_limit_exceeded | -  | false | does not begin anew
";

#[test]
fn what_is_told_goes_by_how_long_one_would_have_to_wait() {
    for line in CONTRACT
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let mut world = World::with(100_000);
        world.play(cells[0]);
        let at = world.now.0 - START;
        world.play(&format!("request {}, reserve", at + 7));
        let refused = &world.book.refused[&world.id].refusal;
        let or = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let told = [
            refused.openai_type().into(),
            or(refused.openai_code().map(String::from)),
            or(refused.retry_after_s().map(|s| s.to_string())),
            or(refused.should_retry().map(|retry| retry.to_string())),
        ];
        assert_eq!(told[..], cells[1..5], "{line}");
        assert_eq!(refused.http_status(), 429);
        assert!(
            refused.message().contains(cells[5]),
            "{}: {line}",
            refused.message()
        );
    }
}

/// What waits for nobody's money is said before what does.
#[test]
fn debt_comes_before_limits_and_limits_before_funds() {
    let refused = |steps: &str| World::with(50).play(steps);
    let limit = "limit a 0 requests day";
    assert_eq!(refused("reserve"), "refused insufficient_funds");
    assert_eq!(
        refused(&format!("{limit}, reserve")),
        "refused limit_reached"
    );
    let debt = format!("{limit}, settle reported 400 0, request 1, reserve");
    assert_eq!(refused(&debt), "refused tenant_in_debt");
}

/// Somebody writes another entry and chains the journal anew.
#[test]
fn a_forger_who_counts_otherwise_is_found() {
    let mut world = World::with(100_000);
    world.play(
        "limit a 150 money day each end_user, zone Europe/Berlin, user ann, reserve, \
         settle, request 1, settle, unset a",
    );
    let counts = |change: &dyn Fn(&mut Counts)| {
        forged_in(&world, |event| {
            let Event::Reserved(mut reserved) = event else {
                return None;
            };
            change(&mut reserved.counts);
            Some(Event::Reserved(reserved))
        })
    };
    let elsewhere = "counts elsewhere";
    for (found, part) in [
        (counts(&|counts| counts.counted.clear()), elsewhere),
        (
            counts(&|counts| counts.counted[0].subject = Subject::Unset),
            elsewhere,
        ),
        (counts(&|counts| counts.counted[0].limit = 9), elsewhere),
        (
            counts(&|counts| counts.counted[0].window = Window::ALWAYS),
            elsewhere,
        ),
        (
            counts(&|counts| counts.counted.push(counts.counted[0].clone())),
            elsewhere,
        ),
        // Zones of another version may make another window, but not one that the moment is not in.
        (
            counts(&|counts| {
                counts.zones_version = "1970a".into();
                counts.counted[0].window.end = Some(UnixMs(START));
            }),
            elsewhere,
        ),
    ] {
        assert!(
            found.contains("I2 is broken") && found.contains(part),
            "{found}: {part}"
        );
    }
    let lowered = forged_in(&world, |event| {
        let Event::LimitSet { id, mut terms } = event else {
            return None;
        };
        terms.bound = 99;
        Some(Event::LimitSet { id, terms })
    });
    assert!(
        lowered.contains("more is promised than a limit lets through"),
        "{lowered}"
    );
    let unreserved = forged_in(&world, |event| {
        let Event::Settled(mut settled) = event else {
            return None;
        };
        let counted = std::mem::replace(&mut settled.counts, Counts::NONE);
        (counted != Counts::NONE).then_some(Event::Settled(settled))
    });
    assert!(unreserved.contains(elsewhere), "{unreserved}");
    let twice = forged_in(&world, |event| {
        let other = Event::LimitRemoved("none".parse().expect("an id"));
        matches!(event, Event::LimitRemoved(_)).then_some(other)
    });
    assert!(twice.contains("there is no such limit"), "{twice}");
}
