//! How many operations a second the engine decides durably, beside what bare SQLite commits in batches of the same size.
//!
//! One operation is a reserve or a settle, all for one tenant: the worst case, since every one of them changes the same balance.
//! Bare SQLite reads and decides nothing; it writes rows of the same number and size: for each operation an entry of the journal
//! and a reservation, for each settle a usage record and an attempt too, for each batch the account. `--short` runs briefly.
//!
//! Callers wait for their answers, so at so many at once a batch is about half as large as bare SQLite's.

use ferry_ledger::{Candidate, ModelLimits, Offer, ReserveAnswer, SettleAnswer, TopUp};
use ferry_quota_server::engine::{
    CreateTenant, Engine, EngineConfig, EngineError, ReserveCall, SettleCall, Stop,
    SystemTimeSource, TimeSource as _,
};
use ferry_quota_server::key_directory::sha256;
use ferry_quota_server::principal::Principal;
use ferry_types::{
    Amount, Attempt, Currency, EndCause, Endpoint, KeyText, Mode, Price, Rates, RequestFacts,
    ReservationId, Settlement, Tags, TenantId, Usage, UsageSource,
};
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Callers at once; and, for bare SQLite, operations a batch.
const SIZES: [u64; 4] = [1, 32, 128, 512];
/// Bytes of what Ferry writes: an entry, a reservation while it is open and once it is settled, a usage record, an attempt.
const ENTRY_BYTES: usize = 240;
const OPEN_BYTES: usize = 260;
const SETTLED_BYTES: usize = 460;
const RECORD_BYTES: usize = 250;
const ATTEMPT_BYTES: usize = 120;

fn main() -> Outcome<()> {
    let short = std::env::args().any(|arg| arg == "--short" || arg == "--test");
    let each = Duration::from_millis(if short { 100 } else { 3_000 });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{:>8} {:>12} {:>12}",
        "at once", "bare ops/s", "engine ops/s"
    )?;
    for size in SIZES {
        let bare = bare(size, each)?;
        let engine = runtime.block_on(engine(size, each))?;
        writeln!(out, "{size:>8} {bare:>12} {engine:>12}")?;
    }
    Ok(())
}

fn per_second(operations: u64, begun: Instant) -> u64 {
    let us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    operations.saturating_mul(1_000_000) / us.max(1)
}

fn bare(batch: u64, each: Duration) -> Outcome<u64> {
    let folder = tempfile::tempdir()?;
    let connection = rusqlite::Connection::open(folder.path().join("bare.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = 8192;
         CREATE TABLE account (tenant TEXT PRIMARY KEY, seq, head BLOB) WITHOUT ROWID;
         CREATE TABLE reservation (tenant TEXT, id BLOB, due, row BLOB, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
         CREATE INDEX due ON reservation (due) WHERE due IS NOT NULL;
         CREATE TABLE record (tenant TEXT, id BLOB, row BLOB, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
         CREATE TABLE attempt (tenant TEXT, id BLOB, row BLOB, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
         CREATE TABLE journal (tenant TEXT, seq, content BLOB, hash BLOB, PRIMARY KEY (tenant, seq)) WITHOUT ROWID;
         INSERT INTO account VALUES ('acme', 0, x'00');",
    )?;
    let mut seq = 0u64;
    let begun = Instant::now();
    while begun.elapsed() < each {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..batch {
            write_operation(&connection, seq)?;
            seq += 1;
        }
        let sql = "UPDATE account SET seq = ?1, head = ?2";
        connection
            .prepare_cached(sql)?
            .execute((seq.cast_signed(), [1u8; 32]))?;
        connection.execute_batch("COMMIT")?;
    }
    Ok(per_second(seq, begun))
}

/// Even numbers reserve, odd ones settle what was reserved before.
fn write_operation(connection: &rusqlite::Connection, seq: u64) -> rusqlite::Result<()> {
    let id = ReservationId::new(seq / 2, [1; 10]);
    let number = seq.cast_signed();
    let blob = |bytes| vec![7u8; bytes];
    let sql = "INSERT INTO journal VALUES ('acme', ?1, ?2, ?3)";
    connection
        .prepare_cached(sql)?
        .execute((number, blob(ENTRY_BYTES), [1u8; 64]))?;
    let sql = "INSERT OR REPLACE INTO reservation VALUES ('acme', ?1, ?2, ?3)";
    let mut reservation = connection.prepare_cached(sql)?;
    if seq.is_multiple_of(2) {
        let row = (id.as_bytes(), Some(number), blob(OPEN_BYTES));
        return reservation.execute(row).map(|_| ());
    }
    reservation.execute((id.as_bytes(), None::<i64>, blob(SETTLED_BYTES)))?;
    let sql = "INSERT INTO record VALUES ('acme', ?1, ?2)";
    connection
        .prepare_cached(sql)?
        .execute((id.as_bytes(), blob(RECORD_BYTES)))?;
    let sql = "INSERT INTO attempt VALUES ('acme', ?1, ?2)";
    connection
        .prepare_cached(sql)?
        .execute((id.as_bytes(), blob(ATTEMPT_BYTES)))
        .map(|_| ())
}

async fn engine(tasks: u64, each: Duration) -> Outcome<u64> {
    let folder = tempfile::tempdir()?;
    let engine = Engine::start(EngineConfig::new(folder.path().join("ferry.db")))?;
    let key = open_tenant(&engine).await?;
    let begun = Instant::now();
    let handles: Vec<_> = (0..tasks)
        .map(|task| tokio::spawn(work(engine.clone(), key.clone(), task, begun + each)))
        .collect();
    let mut operations = 0;
    for handle in handles {
        operations += handle.await??;
    }
    let rate = per_second(operations, begun);
    engine.close();
    match engine.stopped().await {
        Stop::Closed => Ok(rate),
        Stop::Failed(why) => Err(why.into()),
    }
}

async fn open_tenant(engine: &Engine) -> Outcome<KeyText> {
    let tenant: TenantId = "acme".parse()?;
    let created = CreateTenant {
        tenant: tenant.clone(),
        name: "Acme".into(),
        currency: Currency::Usd,
    };
    engine.create_tenant(created).await?;
    let top_up = TopUp {
        amount: Amount::from_units(i64::MAX / 2).ok_or("an amount")?,
        source: "bank".into(),
        external_reference: "1".into(),
        note: String::new(),
    };
    engine.top_up(tenant.clone(), top_up).await?;
    let (_, issued) = engine.issue_key(tenant, "bench".into(), None).await?;
    Ok(issued.text)
}

/// Reserves and settles until the end; answers how many operations that were.
async fn work(engine: Engine, key: KeyText, task: u64, end: Instant) -> Outcome<u64> {
    let principal = Arc::new(Principal::gateway("gateway".parse()?, Vec::new()));
    let caller = ferry_api::Caller {
        filter_version: "0.1.0".into(),
        key_digest: key.digest(sha256),
        tenant: None,
    };
    let offer = offer().ok_or("an offer")?;
    let clock = SystemTimeSource::new();
    let mut operations = 0u64;
    while Instant::now() < end {
        let [.., a, b] = task.to_be_bytes();
        let [.., c, d, e, f] = operations.to_be_bytes();
        let id = ReservationId::new(clock.unix_ms(), [0, 0, 0, a, b, c, d, e, f, 0]);
        let call = ReserveCall {
            principal: Arc::clone(&principal),
            call: ferry_api::Reserve {
                id,
                caller: caller.clone(),
                facts: facts(),
            },
            offer: Some(Arc::clone(&offer)),
            deadline: None,
        };
        if !matches!(
            engine.reserve(call).await?.answer,
            ReserveAnswer::Granted(_)
        ) {
            return Err("not granted".into());
        }
        let call = SettleCall {
            call: ferry_api::Settle {
                id,
                caller: caller.clone(),
                settlement: settlement(),
            },
            offer: None,
        };
        settled(engine.settle(&principal, vec![call]).await)?;
        operations += 2;
    }
    Ok(operations)
}

fn settled(
    answers: Result<Vec<ferry_quota_server::engine::Answered<SettleAnswer>>, EngineError>,
) -> Outcome<()> {
    match answers?.first().map(|answered| &answered.answer) {
        Some(SettleAnswer::Settled { .. }) => Ok(()),
        other => Err(format!("not settled: {other:?}").into()),
    }
}

fn offer() -> Option<Arc<Offer>> {
    let price = |units| Amount::from_units(units).map(Price::per_million);
    let rates = Rates {
        input: price(150_000_000)?,
        output: price(600_000_000)?,
        cached_input: price(75_000_000),
        cache_write: None,
        audio_input: None,
        reasoning: None,
        audio_output: None,
        per_request: Amount::ZERO,
    };
    Some(Arc::new(Offer {
        price_version: "2026-11-01".into(),
        policy_version: "1".into(),
        model: "gpt-4o-mini".into(),
        candidates: vec![Candidate {
            provider: "openai".into(),
            model: "gpt-4o-mini".into(),
            output_limit_field: "max_completion_tokens".into(),
            cost: rates,
        }],
        customer: rates,
        limits: ModelLimits {
            context_tokens_max: 128_000,
            output_tokens_max: 16_384,
            output_tokens_floor: 1,
            choices_max: 128,
        },
        clamp_ceiling: 4_096,
        output_tokens_median: 0,
    }))
}

fn facts() -> RequestFacts {
    RequestFacts {
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o-mini".into(),
        stream: true,
        input_tokens_max: 1_200,
        input_tokens_estimate: 300,
        input_unbounded: false,
        output_tokens_max: Some(500),
        choices: 1,
        output_audio: false,
        service_tier: String::new(),
        route: "openai".into(),
        mode: Mode::Enforce,
        tags: Tags::default(),
        idempotency_key_digest: None,
        admitted_offline: false,
    }
}

fn settlement() -> Settlement {
    Settlement {
        facts: facts(),
        output_tokens_max: 500,
        cause: EndCause::Complete,
        attempts: vec![Attempt {
            provider: "openai".into(),
            model: "gpt-4o-mini-2024-07-18".into(),
            status: 200,
            usage: Usage {
                input_tokens: 310,
                output_tokens: 120,
                ..Usage::default()
            },
            source: UsageSource::Reported,
            provider_request_id: "req_0123456789abcdef".into(),
            service_tier: "default".into(),
            latency_ms: 900,
            first_byte_ms: Some(250),
        }],
        latency_ms: 905,
        status: 200,
    }
}
