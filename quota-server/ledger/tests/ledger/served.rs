//! What a provider says that it served: names that are known say nothing new, and others count as the candidate that was sent.

use crate::world::{World, amount, attempt, facts, offer, owner, rates, settlement, usage};
use ferry_ledger::*;
use ferry_types::{Attempt, UsageSource};

/// 20 of input and 5 of output, by this provider, of this model and tier.
fn told(source: UsageSource, provider: &str, model: &str, tier: &str) -> Attempt {
    Attempt {
        provider: provider.into(),
        model: model.into(),
        service_tier: tier.into(),
        ..attempt(source, usage(20, 5))
    }
}

fn settle(world: &mut World, attempts: Vec<Attempt>) -> Posting {
    world.run(&Command::Settle(Box::new(Settle {
        id: world.id,
        owner: owner("edge"),
        settlement: settlement(facts(), attempts),
        offer: world.offer.clone(),
        by: None,
        beyond_cap: false,
    })));
    let row = &world.book.reservations[&world.id];
    row.posting().cloned().expect("settled")
}

/// What is flagged of names.
fn names(posting: &Posting) -> String {
    let names = [Flag::UnknownProvider, Flag::UnknownModel, Flag::UnknownTier];
    let set = names.iter().filter(|name| posting.flags.has(**name));
    let set: Vec<_> = set.map(|flag| flag.name()).collect();
    set.join("+")
}

/// Two providers of one model, the second at twice the cost.
fn world() -> World {
    let mut offer = offer();
    offer.candidates.push(Candidate {
        provider: "azure".into(),
        model: "deployment-7".into(),
        aliases: ["gpt-4o-2024-11-20".to_owned()].into(),
        cost: rates(0, 2),
        ..offer.candidates[0].clone()
    });
    let mut world = World::with(1_000);
    world.offer = Some(offer.into());
    world
}

#[test]
fn an_unknown_name_counts_as_the_candidate_that_was_sent_and_is_flagged() {
    for (provider, model, tier, cost, flagged) in [
        // What it was sent, what it is known to call that, what the customer wrote, and nothing.
        ("openai", "gpt-4o", "default", 5, ""),
        ("openai", "gpt-4o-2024-08-06", "auto", 5, ""),
        ("azure", "deployment-7", "default", 10, ""),
        ("azure", "gpt-4o-2024-11-20", "default", 10, ""),
        ("azure", "gpt-4o", "default", 10, ""),
        ("openai", "", "", 5, ""),
        // Another one's names are not this one's.
        ("openai", "deployment-7", "default", 5, "unknown_model"),
        ("azure", "gpt-4o-2024-08-06", "default", 10, "unknown_model"),
        // A cheaper model, a dearer one, and one that is written otherwise.
        ("openai", "gpt-4o-mini", "default", 5, "unknown_model"),
        ("openai", "o1-pro", "default", 5, "unknown_model"),
        ("openai", "GPT-4o", "default", 5, "unknown_model"),
        // A cheaper tier, a dearer one, and one that nobody has heard of.
        ("openai", "gpt-4o", "flex", 5, "unknown_tier"),
        ("openai", "gpt-4o", "priority", 5, "unknown_tier"),
        ("openai", "gpt-4o", "Default", 5, "unknown_tier"),
        (
            "openai",
            "o1-pro",
            "priority",
            5,
            "unknown_model+unknown_tier",
        ),
        (
            "elsewhere",
            "their-own",
            "their-own",
            5,
            "unknown_provider+unknown_model+unknown_tier",
        ),
        ("elsewhere", "gpt-4o", "default", 5, "unknown_provider"),
    ] {
        for reserved in [true, false] {
            let mut world = world();
            if reserved {
                world.play("reserve");
            }
            let attempt = told(UsageSource::Reported, provider, model, tier);
            let posting = settle(&mut world, vec![attempt]);
            let case = format!("{provider} {model} {tier} {reserved}");
            assert_eq!(posting.charge.charged, amount(30), "{case}");
            assert_eq!(posting.charge.costs, [amount(cost)], "{case}");
            assert_eq!(names(&posting), flagged, "{case}");
        }
    }
}

#[test]
fn one_attempt_of_several_flags_and_better_evidence_tells_anew() {
    let mut world = world();
    world.play("reserve");
    let good = || told(UsageSource::Reported, "openai", "gpt-4o", "default");
    let counted = |model: &str, tier: &str| told(UsageSource::Counted, "azure", model, tier);
    let posting = settle(&mut world, vec![good(), counted("llama", "flex")]);
    assert_eq!(names(&posting), "unknown_model+unknown_tier");
    let reported = told(UsageSource::Reported, "azure", "deployment-7", "flex");
    let posting = settle(&mut world, vec![good(), reported]);
    assert!(posting.flags.has(Flag::Adjusted));
    assert_eq!(names(&posting), "unknown_tier");
}

#[test]
fn a_lease_that_ran_out_tells_no_names() {
    for steps in [
        "reserve, renew 8, wait 61000, expire",
        "charging 7, reserve, wait 61000, expire",
    ] {
        let mut world = World::with(1_000);
        world.play(steps);
        let row = &world.book.reservations[&world.id];
        assert_eq!(names(row.posting().expect("expired")), "", "{steps}");
    }
}
