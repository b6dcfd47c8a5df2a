//! The one request that is asked again and again: as the wire has it, and as the engine takes it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use ferry_api::{Reserve, Settle, v1};
use ferry_tests::quota;
use ferry_types::{KeyDigest, ReservationId};

use crate::load::Draw;

/// As customers name it.
pub const MODEL: &str = "plain";
/// What it may read and write.
const INPUT_TOKENS_MAX: u64 = 1_200;
const OUTPUT_TOKENS_MAX: u64 = 500;

/// A reservation and its settlement, to be given an id and a customer.
#[derive(Clone, Debug)]
pub struct Request {
    wire: Arc<(v1::ReserveRequest, v1::SettleItem)>,
    checked: Arc<(Reserve, Settle)>,
}

impl Request {
    /// A chat of some hundred words, streamed, and answered by one provider.
    pub fn chat() -> Result<Self> {
        let facts = v1::RequestFacts {
            stream: true,
            input_tokens_estimate: 300,
            ..quota::facts(MODEL, INPUT_TOKENS_MAX, OUTPUT_TOKENS_MAX)
        };
        let caller = v1::Caller {
            filter_version: env!("CARGO_PKG_VERSION").to_owned(),
            key_digest: vec![0; 32],
            tenant_id: String::new(),
        };
        let id = ReservationId::new(0, [0; 10]);
        let usage = v1::Usage {
            input_tokens: 310,
            output_tokens: 120,
            ..v1::Usage::default()
        };
        let settlement = quota::settlement(id, caller.clone(), facts.clone(), usage);
        let mut item = settlement.items.into_iter().next().context("an item")?;
        for attempt in &mut item.attempts {
            "plain-2024-07-18".clone_into(&mut attempt.model);
            "req_0123456789abcdef0123456789abcdef".clone_into(&mut attempt.provider_request_id);
            attempt.latency_ms = 900;
            attempt.first_byte_ms = Some(250);
        }
        let reserve = v1::ReserveRequest {
            reservation_id: id.as_bytes().to_vec(),
            caller: Some(caller),
            facts: Some(facts),
        };
        let checked = (
            Reserve::try_from(reserve.clone())?,
            Settle::try_from(item.clone())?,
        );
        Ok(Self {
            wire: Arc::new((reserve, item)),
            checked: Arc::new(checked),
        })
    }

    /// The reservation, as the engine takes it.
    pub fn reserve(&self, id: ReservationId, digest: KeyDigest) -> Reserve {
        let mut call = self.checked.0.clone();
        call.id = id;
        call.caller.key_digest = digest;
        call
    }

    /// The settlement, as the engine takes it.
    pub fn settle(&self, id: ReservationId, digest: KeyDigest) -> Settle {
        let mut call = self.checked.1.clone();
        call.id = id;
        call.caller.key_digest = digest;
        call
    }

    /// The reservation, as the wire has it.
    pub fn wire_reserve(&self, id: ReservationId, digest: &KeyDigest) -> v1::ReserveRequest {
        let mut call = self.wire.0.clone();
        call.reservation_id = id.as_bytes().to_vec();
        set_key(&mut call.caller, digest);
        call
    }

    /// The settlement, as the wire has it.
    pub fn wire_settle(&self, id: ReservationId, digest: &KeyDigest) -> v1::SettleRequest {
        let mut item = self.wire.1.clone();
        item.reservation_id = id.as_bytes().to_vec();
        set_key(&mut item.caller, digest);
        v1::SettleRequest { items: vec![item] }
    }
}

fn set_key(caller: &mut Option<v1::Caller>, digest: &KeyDigest) {
    if let Some(caller) = caller {
        caller.key_digest = digest.as_bytes().to_vec();
    }
}

/// A new request's id: of now, and else at random.
pub fn id(draw: &mut Draw) -> Result<ReservationId> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let [a, b, c, d, e, f, g, h] = draw.next().to_be_bytes();
    let [i, j, ..] = draw.next().to_be_bytes();
    Ok(ReservationId::new(
        u64::try_from(since.as_millis())?,
        [a, b, c, d, e, f, g, h, i, j],
    ))
}
