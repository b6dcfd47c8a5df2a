//! What is held, which limit that buys, and what is charged by which evidence.

use crate::world::{World, amount, attempt, facts, id, offer, owner, rates, settlement, usage};
use ferry_ledger::*;
use ferry_types::{Amount, Attempt, Mode, RequestFacts, UsageSource};
use std::sync::Arc;

fn reserve(available: i64, facts: RequestFacts, offer: Offer) -> ReserveAnswer {
    let mut world = World::with(available);
    let answer = world.run(&Command::Reserve(Box::new(Reserve {
        id: world.id,
        owner: owner("edge"),
        facts,
        offer: Some(Arc::new(offer)),
    })));
    let Answer::Reserve(answer) = answer else {
        panic!("not an answer to Reserve: {answer:?}");
    };
    answer
}

fn told(available: i64, facts: RequestFacts, offer: Offer) -> String {
    crate::told::tell(&Answer::Reserve(reserve(available, facts, offer)))
}

#[test]
fn strict_holds_the_bound_or_refuses() {
    for (available, limit, answer) in [
        (100, 30, "granted 100 for 30"),
        (99, 30, "refused insufficient_funds"),
        // A limit above the model's is lowered to it; one below the floor is the client's own choice.
        (1_000, 201, "granted 440 for 200 clamped"),
        (1_000, 1, "granted 42 for 1"),
        (1_000, 0, "granted 40 for 0"),
        (0, 0, "refused insufficient_funds"),
    ] {
        let facts = RequestFacts {
            output_tokens_max: Some(limit),
            ..facts()
        };
        assert_eq!(
            told(available, facts, offer()),
            answer,
            "{available} {limit}"
        );
    }
}

#[test]
fn clamp_takes_the_least_of_four() {
    let unlimited = |estimate: u64| RequestFacts {
        output_tokens_max: None,
        input_tokens_estimate: estimate,
        ..facts()
    };
    // what decides | available | ceiling | the model's maximum | estimated input | answer
    let cases = "
        the ceiling              | 1000 | 50 | 200 | 10   | granted 140 for 50 clamped
        the model's maximum      | 1000 | 50 | 45  | 10   | granted 130 for 45 clamped
        what is affordable       | 81   | 50 | 200 | 10   | granted 80 for 20 clamped
        the room in the context  | 1000 | 50 | 200 | 970  | granted 100 for 30 clamped
        an estimate without room | 1000 | 50 | 200 | 5000 | granted 60 for 10 clamped
        the floor, exactly       | 60   | 50 | 200 | 10   | granted 60 for 10 clamped
        below the floor          | 59   | 50 | 200 | 10   | refused insufficient_funds
        not even the input       | 39   | 50 | 200 | 10   | refused insufficient_funds
        a ceiling below it       | 1000 | 5  | 200 | 10   | granted 50 for 5 clamped
    ";
    for case in cases.lines().filter(|line| line.contains('|')) {
        let cells: Vec<&str> = case.split('|').map(str::trim).collect();
        let number = |i: usize| cells[i].parse::<u64>().expect("a number");
        let mut offer = offer();
        offer.clamp_ceiling = number(2);
        offer.limits.output_tokens_max = number(3);
        let available = i64::try_from(number(1)).expect("small");
        assert_eq!(
            told(available, unlimited(number(4)), offer),
            cells[5],
            "{case}"
        );
    }
}

#[test]
fn a_refusal_names_what_would_be_affordable() {
    for (available, choices, tokens) in [
        (99, 1, Some(29)),
        (99, 2, Some(14)),
        (41, 1, None),
        (39, 1, None),
    ] {
        let facts = RequestFacts { choices, ..facts() };
        let answer = reserve(available, facts, offer());
        let ReserveAnswer::Refused(Refusal::InsufficientFunds {
            affordable_output_tokens,
            available: told,
            ..
        }) = answer
        else {
            panic!("{answer:?}");
        };
        assert_eq!(
            (affordable_output_tokens, told.units()),
            (tokens, available)
        );
    }
}

#[test]
fn the_hold_covers_what_cannot_be_seen_and_every_choice() {
    let many = |choices| RequestFacts { choices, ..facts() };
    let with = |change: fn(&mut RequestFacts)| {
        let mut facts = facts();
        change(&mut facts);
        facts
    };
    for (facts, answer) in [
        (many(4), "granted 280 for 30"),
        (many(5), "refused too_many_choices"),
        (with(|f| f.input_unbounded = true), "granted 1060 for 30"),
        (with(|f| f.input_tokens_max = 5_000), "granted 1060 for 30"),
        // 1,000 tokens of context are at most 128,127 bytes.
        (
            with(|f| f.input_tokens_max = 128_127),
            "granted 1060 for 30",
        ),
        (
            with(|f| f.input_tokens_max = 128_128),
            "refused context_length_exceeded",
        ),
        (
            with(|f| f.service_tier = "auto".into()),
            "granted 100 for 30",
        ),
        (
            with(|f| f.service_tier = "default".into()),
            "granted 100 for 30",
        ),
        (
            with(|f| f.service_tier = "priority".into()),
            "refused service_tier_not_priced",
        ),
        (with(|f| f.output_audio = true), "refused audio_not_priced"),
    ] {
        assert_eq!(told(10_000, facts, offer()), answer);
    }
    // A class of its own that is dearer is held, and a price for audio lets audio through.
    let mut audio = offer();
    audio.customer.audio_output = Some(rates(1, 7).output);
    let facts = with(|f| f.output_audio = true);
    assert_eq!(told(10_000, facts, audio), "granted 250 for 30");
}

#[test]
fn absurd_numbers_are_refused_not_wrapped() {
    let mut absurd = offer();
    absurd.customer = rates(9_000_000_000_000, 9_000_000_000_000);
    absurd.limits.context_tokens_max = u64::MAX;
    absurd.limits.output_tokens_max = u64::MAX;
    for (input, output) in [
        (u64::MAX, Some(u64::MAX)),
        (u64::MAX, None),
        (0, Some(u64::MAX)),
    ] {
        let facts = RequestFacts {
            input_tokens_max: input,
            input_tokens_estimate: input,
            output_tokens_max: output,
            ..facts()
        };
        assert_eq!(
            told(i64::MAX, facts, absurd.clone()),
            "refused insufficient_funds"
        );
    }
}

fn charge(attempts: Vec<Attempt>) -> Posting {
    let mut priced = offer();
    priced.customer.per_request = amount(3);
    charge_at(priced, attempts)
}

fn charge_at(priced: Offer, attempts: Vec<Attempt>) -> Posting {
    let mut world = World::with(10_000);
    world.offer = Some(Arc::new(priced));
    world.play("reserve");
    world.run(&Command::Settle(Box::new(Settle {
        id: world.id,
        owner: owner("edge"),
        settlement: settlement(facts(), attempts),
        offer: None,
        by: None,
        beyond_cap: false,
    })));
    let row = &world.book.reservations[&world.id];
    row.posting().cloned().expect("settled")
}

#[test]
fn attempts_are_charged_together_and_cost_a_line_each() {
    let failed = Attempt {
        status: 500,
        ..attempt(UsageSource::None, usage(0, 0))
    };
    let lost = attempt(UsageSource::Estimated, usage(0, 0));
    let good = attempt(UsageSource::Reported, usage(20, 5));
    for (attempts, charged, costs) in [
        (vec![good.clone()], 33, vec![5]),
        (vec![failed.clone(), good.clone()], 33, vec![0, 5]),
        (vec![failed.clone()], 0, vec![0]),
        (vec![lost.clone(), good], 43, vec![0, 5]),
        (vec![lost], 13, vec![0]),
        (vec![], 0, vec![]),
    ] {
        let posting = charge(attempts);
        let told: Vec<i64> = posting.charge.costs.iter().map(|c| c.units()).collect();
        assert_eq!((posting.charge.charged.units(), told), (charged, costs));
    }
}

#[test]
fn without_evidence_no_more_than_the_hold_is_charged() {
    let posting = charge(vec![attempt(UsageSource::Estimated, usage(900, 200))]);
    assert_eq!(posting.charge.charged.units(), 103);
    assert!(posting.flags.has(Flag::Suspended) && posting.flags.has(Flag::Provisional));
}

#[test]
fn a_cost_is_the_sum_of_its_attempts() {
    let posting = charge(vec![attempt(UsageSource::Reported, usage(20, 5))]);
    assert_eq!(posting.charge.cost().units(), 5);

    // Each attempt's cost can be stored, their sum cannot: it stands at the most, and is flagged.
    let mut dear = offer();
    dear.candidates[0].cost = rates(0, 9_000_000_000_000);
    let attempt = attempt(UsageSource::Reported, usage(20, 1_000_000));
    let posting = charge_at(dear.clone(), vec![attempt.clone()]);
    assert_eq!(posting.charge.cost().units(), 9_000_000_000_000_000_000);
    assert!(!posting.flags.has(Flag::OutOfRange));
    let posting = charge_at(dear, vec![attempt.clone(), attempt]);
    assert_eq!(posting.charge.cost(), Amount::MAX);
    assert!(posting.flags.has(Flag::OutOfRange));
}

#[test]
fn an_unlisted_provider_costs_what_the_first_does_and_is_flagged() {
    let elsewhere = Attempt {
        provider: "elsewhere".into(),
        ..attempt(UsageSource::Reported, usage(20, 5))
    };
    let posting = charge(vec![elsewhere]);
    assert_eq!(posting.charge.costs, vec![amount(5)]);
    assert!(posting.flags.has(Flag::UnknownProvider));
}

#[test]
fn an_absurd_charge_goes_to_suspense_instead_of_breaking_the_book() {
    let mut world = World::with(1);
    let mut absurd = offer();
    absurd.customer = rates(9_000_000_000_000, 9_000_000_000_000);
    absurd.limits.context_tokens_max = u64::MAX;
    world.offer = Some(Arc::new(absurd));
    for drawn in 0..3 {
        world.id = id(crate::world::START + drawn);
        world.play("settle reported 900000 5");
    }
    let last = world.book.reservations[&world.id].posting().cloned();
    let last = last.expect("settled");
    assert_eq!(last.charge.charged, Amount::ZERO);
    assert!(last.flags.has(Flag::Suspended) && last.flags.has(Flag::OutOfRange));
}

#[test]
fn shadow_mode_never_records_nothing_for_what_cannot_be_stored() {
    let mut dear = offer();
    dear.customer = rates(9_000_000_000_000, 9_000_000_000_000);
    let asked = RequestFacts {
        mode: Mode::Shadow,
        input_tokens_max: u64::MAX,
        ..facts()
    };
    dear.limits.context_tokens_max = u64::MAX;
    let ReserveAnswer::Granted(granted) = reserve(1_000, asked, dear) else {
        panic!("shadow mode refuses nothing");
    };
    assert_eq!(granted.reserved, Amount::MAX);
}

#[test]
fn shadow_mode_prices_without_charging() {
    let mut world = World::with(0);
    world.mode = Mode::Shadow;
    world.play("reserve, settle reported 20 100");
    let row = &world.book.reservations[&world.id];
    let charge = &row.posting().expect("settled").charge;
    // The limit is not written in shadow mode: the model's maximum bounds what it could have cost.
    assert_eq!(
        (
            charge.priced.units(),
            charge.charged.units(),
            charge.suspended.units()
        ),
        (220, 0, 0)
    );
}

/// What a settle without a Reserve is charged, with everything beyond all bounds.
fn unreserved(choices: u32, attempts: usize) -> i64 {
    let mut world = World::with(1_000_000);
    let facts = RequestFacts { choices, ..facts() };
    let attempts = vec![attempt(UsageSource::Reported, usage(1 << 40, 1 << 40)); attempts];
    world.run(&Command::Settle(Box::new(Settle {
        id: world.id,
        owner: owner("edge"),
        settlement: settlement(facts, attempts),
        offer: world.offer.clone(),
        by: None,
        beyond_cap: false,
    })));
    1_000_000 - world.balance().units()
}

#[test]
fn no_gateway_can_name_its_own_ceiling() {
    // (1,000 + 2 × 30 × choices) × attempts × 1.02
    assert_eq!(unreserved(1, 16), 17_299);
    assert_eq!(unreserved(1, 17), 17_299);
    assert_eq!(unreserved(128, 1), 8_853);
    assert_eq!(unreserved(129, 1), 8_853);
    assert_eq!(unreserved(0, 1), 1_081);
}

#[test]
fn what_can_be_promised_stays_in_range() {
    let mut world = World::with(1_000);
    world.book.overage = Overage::CreditLine(amount(500));
    let room = i64::MAX - 1_500;
    assert_eq!(
        crate::told::tell(&world.top_up(room + 1, "a")),
        "AmountOutOfRange"
    );
    assert_eq!(crate::told::tell(&world.top_up(room, "b")), "done");
    assert_eq!(world.book.available_on_balance().units(), i64::MAX);
}

#[test]
fn what_there_is_no_room_to_give_back_is_told_and_stays() {
    // 26 was charged by the expiry; then the balance is filled to the brim.
    let brim = (i64::MAX - 974).to_string();
    for (call, answer) in [
        ("release", "conflict"),
        ("settle none", "conflict charged"),
        ("settle reported 20 3", "settled 26 released 74"),
        ("settle reported 20 5", "settled 30 released 70"),
    ] {
        let mut world = World::with(1_000);
        world.play("reserve, renew 8, wait 61000, expire");
        world.play(&format!("top-up {brim} brim"));
        assert_eq!(world.play(call), answer);
    }
}

#[test]
fn better_evidence_is_of_the_same_attempts() {
    let counted = attempt(UsageSource::Counted, usage(0, 4));
    let reported = attempt(UsageSource::Reported, usage(20, 5));
    let elsewhere = Attempt {
        provider: "elsewhere".into(),
        ..reported.clone()
    };
    for (first, second, answer) in [
        (
            vec![counted.clone()],
            vec![reported.clone()],
            "settled 30 released 70",
        ),
        (
            vec![counted.clone()],
            vec![reported.clone(), reported.clone()],
            "conflict attempts",
        ),
        (vec![counted.clone()], vec![], "conflict attempts"),
        (
            vec![counted.clone()],
            vec![elsewhere],
            "conflict attempts[0].provider",
        ),
        // One is better, the other is worse, or is said otherwise.
        (
            vec![counted.clone(), reported.clone()],
            vec![reported.clone(), counted.clone()],
            "conflict attempts[0].usage",
        ),
        (
            vec![counted.clone(), counted.clone()],
            vec![reported.clone(), counted],
            "settled 48 released 52",
        ),
    ] {
        let mut world = World::with(1_000);
        world.play("reserve");
        let mut told = String::new();
        for attempts in [first, second] {
            told = crate::told::tell(&world.run(&Command::Settle(Box::new(Settle {
                id: world.id,
                owner: owner("edge"),
                settlement: settlement(facts(), attempts),
                offer: None,
                by: None,
                beyond_cap: false,
            }))));
        }
        assert_eq!(told, answer);
    }
}

#[test]
fn where_nothing_tells_what_was_written_the_pinned_median_is_charged() {
    let learned = |median| Offer {
        output_tokens_median: median,
        ..crate::world::offer()
    };
    let told = |source, output| vec![attempt(source, usage(0, output))];
    for (median, attempts, charged) in [
        (0, told(UsageSource::Estimated, 0), 10),
        (7, told(UsageSource::Estimated, 0), 10 + 2 * 7),
        (7, told(UsageSource::Unreadable, 0), 10 + 2 * 7),
        // Never above the limit, nor above what was held.
        (99, told(UsageSource::Estimated, 0), 10 + 2 * 30),
        // What was counted or reported is evidence, if it is of nothing.
        (7, told(UsageSource::Unreadable, 3), 10 + 2 * 3),
        (7, told(UsageSource::Counted, 0), 10),
        (7, told(UsageSource::Reported, 0), 0),
        (7, told(UsageSource::None, 0), 0),
    ] {
        let posting = charge_at(learned(median), attempts.clone());
        assert_eq!(
            posting.charge.charged.units(),
            charged,
            "{median}: {attempts:?}"
        );
        let provisional = matches!(
            attempts[0].source,
            UsageSource::Estimated | UsageSource::Unreadable | UsageSource::Counted
        );
        assert_eq!(posting.flags.has(Flag::Provisional), provisional);
    }
}

#[test]
fn what_never_showed_life_is_charged_and_costs_as_what_nobody_can_tell() {
    for median in [0, 7, 99] {
        let charging = Offer {
            lifeless: Lifeless::Charge,
            output_tokens_median: median,
            ..crate::world::offer()
        };
        let nothing_told = attempt(UsageSource::Estimated, usage(0, 0));
        let settled = charge_at(charging.clone(), vec![nothing_told]);
        let mut world = World::with(10_000);
        world.offer = Some(Arc::new(charging));
        world.play("reserve, wait 61000, expire");
        let row = &world.book.reservations[&world.id];
        let expired = row.posting().expect("expired");
        assert_eq!(expired.charge, settled.charge, "{median}");
        assert_eq!(expired.charge.costs, [amount(median.min(30) as i64)]);
        assert_eq!(expired.released, settled.released);
    }
}
