//! Every message survives the way out and in; every field that cannot be read is named.

use super::*;
use crate::bound;
use ferry_types::{Attempt, EndCause, Endpoint, Mode, Tags, UsageSource};

fn usage() -> Usage {
    let mut tokens = 0;
    let classes = ferry_types::TokenClass::ALL.map(|class| {
        tokens += 1;
        (class, tokens)
    });
    Usage::from_classes(|class| {
        let found = classes.iter().find(|(c, _)| *c == class);
        found.map_or(0, |(_, tokens)| *tokens)
    })
}

fn facts() -> RequestFacts {
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o-mini".into(),
        stream: true,
        input_tokens_max: 100,
        input_tokens_estimate: 25,
        input_unbounded: true,
        output_tokens_max: Some(0),
        choices: 2,
        output_audio: true,
        service_tier: "flex".into(),
        route: "openai".into(),
        mode: Mode::Shadow,
        tags: Tags {
            feature: "search".into(),
            environment: "prod".into(),
            end_user: "u1".into(),
            session: "s1".into(),
            agent: "a1".into(),
        },
        idempotency_key_digest: Some([7; 32]),
        admitted_offline: true,
    }
}

fn caller() -> Caller {
    Caller {
        filter_version: "0.1.0".into(),
        key_digest: KeyDigest::from_bytes(&[9; 32]).expect("32 bytes"),
        tenant: Some("acme".parse().expect("a tenant id")),
    }
}

fn attempt() -> Attempt {
    Attempt {
        provider: "openai".into(),
        model: "gpt-4o-mini-2024-07-18".into(),
        status: 200,
        usage: usage(),
        source: UsageSource::Reported,
        provider_request_id: "req_1".into(),
        service_tier: "default".into(),
        latency_ms: 900,
        first_byte_ms: Some(300),
    }
}

fn settle() -> Settle {
    Settle {
        id: ReservationId::new(1_700_000_000_000, [3; 10]),
        caller: caller(),
        settlement: Settlement {
            facts: facts(),
            output_tokens_max: 256,
            cause: EndCause::ClientGone,
            attempts: vec![attempt()],
            latency_ms: 1000,
            status: 200,
        },
    }
}

#[test]
fn every_call_survives_the_wire() {
    let settle = settle();
    let (id, caller) = (settle.id, settle.caller.clone());
    let reserve = Reserve {
        id,
        caller: caller.clone(),
        facts: facts(),
    };
    let renew = Renew {
        id,
        caller: caller.clone(),
        usage: usage(),
        output_tokens_target: 9_000,
    };
    let release = Release { id, caller };
    assert_eq!(v1::ReserveRequest::from(&reserve).try_into(), Ok(reserve));
    assert_eq!(v1::RenewItem::from(&renew).try_into(), Ok(renew));
    assert_eq!(v1::ReleaseItem::from(&release).try_into(), Ok(release));
    assert_eq!(v1::SettleItem::from(&settle).try_into(), Ok(settle));
}

#[test]
fn every_cause_and_source_survives_the_wire() {
    for cause in EndCause::ALL {
        for source in UsageSource::ALL {
            let mut settle = settle();
            settle.settlement.cause = cause;
            settle.settlement.attempts[0].source = source;
            assert_eq!(v1::SettleItem::from(&settle).try_into(), Ok(settle));
        }
    }
}

#[test]
fn what_was_not_sent_stays_absent() {
    let mut settle = settle();
    let facts = &mut settle.settlement.facts;
    facts.output_tokens_max = None;
    facts.idempotency_key_digest = None;
    facts.tags = Tags::default();
    settle.caller.tenant = None;
    settle.settlement.attempts[0].first_byte_ms = None;
    assert_eq!(v1::SettleItem::from(&settle).try_into(), Ok(settle));
}

#[test]
fn what_a_provider_reported_is_cut_to_what_the_server_reads() {
    let mut settle = settle();
    let attempt = &mut settle.settlement.attempts[0];
    attempt.model = "é".repeat(200);
    attempt.provider_request_id = "r\n".repeat(200);
    attempt.service_tier = "t".repeat(33);
    let read = Settle::try_from(v1::SettleItem::from(&settle)).expect("readable");
    let read = &read.settlement.attempts[0];
    assert_eq!(read.model, "é".repeat(bound::MODEL_BYTES_MAX / 2));
    assert_eq!(read.provider_request_id, "r".repeat(64));
    assert_eq!(read.service_tier, "t".repeat(32));
}

/// A change to a good settlement that makes one field unreadable.
type Break = fn(&mut v1::SettleItem);

fn facts_of(item: &mut v1::SettleItem) -> &mut v1::RequestFacts {
    item.facts.as_mut().expect("facts")
}

fn tags_of(item: &mut v1::SettleItem) -> &mut v1::Tags {
    facts_of(item).tags.as_mut().expect("tags")
}

fn caller_of(item: &mut v1::SettleItem) -> &mut v1::Caller {
    item.caller.as_mut().expect("a caller")
}

const BROKEN: &[(&str, Break)] = &[
    (
        "reservation_id: not a reservation id: expected a UUID of version 7",
        |i| i.reservation_id = vec![0; 16],
    ),
    ("caller: missing", |i| i.caller = None),
    ("caller.filter_version: longer than 32 bytes", |i| {
        caller_of(i).filter_version = "9".repeat(33)
    }),
    ("caller.key_digest: not 32 bytes", |i| {
        caller_of(i).key_digest = vec![1; 31]
    }),
    (
        "caller.tenant_id: not a tenant id: expected 1 to 63 of a-z, 0-9 and '-', not beginning with '-'",
        |i| caller_of(i).tenant_id = "A".into(),
    ),
    ("facts: missing", |i| i.facts = None),
    (
        "facts.endpoint: unspecified, or not known to this version",
        |i| facts_of(i).endpoint = 0,
    ),
    (
        "facts.endpoint: unspecified, or not known to this version",
        |i| facts_of(i).endpoint = 99,
    ),
    ("facts.model: empty", |i| facts_of(i).model.clear()),
    ("facts.model: longer than 256 bytes", |i| {
        facts_of(i).model = "m".repeat(257)
    }),
    ("facts.model: has the control character \\u{a}", |i| {
        facts_of(i).model = "a\nb".into()
    }),
    ("facts.choices: zero", |i| facts_of(i).choices = 0),
    ("facts.service_tier: longer than 32 bytes", |i| {
        facts_of(i).service_tier = "t".repeat(33)
    }),
    ("facts.route: longer than 256 bytes", |i| {
        facts_of(i).route = "r".repeat(257)
    }),
    (
        "facts.mode: unspecified, or not known to this version",
        |i| facts_of(i).mode = 0,
    ),
    ("facts.tags: missing", |i| facts_of(i).tags = None),
    ("facts.tags.feature: longer than 64 bytes", |i| {
        tags_of(i).feature = "x".repeat(65)
    }),
    ("facts.tags.environment: longer than 64 bytes", |i| {
        tags_of(i).environment = "x".repeat(65)
    }),
    ("facts.tags.end_user: longer than 64 bytes", |i| {
        tags_of(i).end_user = "x".repeat(65)
    }),
    ("facts.tags.session: longer than 64 bytes", |i| {
        tags_of(i).session = "x".repeat(65)
    }),
    ("facts.tags.agent: longer than 64 bytes", |i| {
        tags_of(i).agent = "x".repeat(65)
    }),
    (
        "facts.idempotency_key_digest: neither empty nor 32 bytes",
        |i| facts_of(i).idempotency_key_digest = vec![0; 20],
    ),
    ("cause: unspecified, or not known to this version", |i| {
        i.cause = 0
    }),
    ("attempts: none", |i| i.attempts.clear()),
    ("attempts: more than 16", |i| {
        i.attempts = vec![i.attempts[0].clone(); 17]
    }),
    ("attempts[0].provider: empty", |i| {
        i.attempts[0].provider.clear()
    }),
    ("attempts[0].provider: longer than 64 bytes", |i| {
        i.attempts[0].provider = "p".repeat(65)
    }),
    ("attempts[0].model: longer than 256 bytes", |i| {
        i.attempts[0].model = "m".repeat(257)
    }),
    ("attempts[0].usage: missing", |i| i.attempts[0].usage = None),
    (
        "attempts[0].source: unspecified, or not known to this version",
        |i| i.attempts[0].source = 0,
    ),
    (
        "attempts[0].provider_request_id: longer than 128 bytes",
        |i| i.attempts[0].provider_request_id = "r".repeat(129),
    ),
    ("attempts[0].service_tier: longer than 32 bytes", |i| {
        i.attempts[0].service_tier = "t".repeat(33)
    }),
];

#[test]
fn every_field_that_cannot_be_read_is_named() {
    for (message, break_it) in BROKEN {
        let mut item = v1::SettleItem::from(&settle());
        break_it(&mut item);
        let error = Settle::try_from(item).expect_err(message);
        assert_eq!(error.to_string(), *message);
    }
    let renew = v1::RenewItem {
        usage: None,
        ..v1::RenewItem::from(&Renew {
            id: settle().id,
            caller: caller(),
            usage: usage(),
            output_tokens_target: 0,
        })
    };
    let error = Renew::try_from(renew).expect_err("no usage");
    assert_eq!(error.to_string(), "usage: missing");
}
