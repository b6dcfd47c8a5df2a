-- Ferry's database, version 1. Money is in units of the tenant's currency, times are Unix milliseconds, counts of tokens are
-- unsigned numbers kept in signed columns bit by bit.
--
-- The tenant comes first in every key, so that a tenant's rows lie together and can live on a machine of their own. One
-- directory is exempt: from a key's digest to its tenant. There is no money in it.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Peppers that keys were stored under. A fingerprint tells a wrong pepper file from the right one.
CREATE TABLE peppers (
    pepper INTEGER NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL
) STRICT;

-- A restore, or an accepted loss, begins an epoch: the heads that stood then, a line each, under the signing key. For good.
CREATE TABLE epochs (
    epoch INTEGER NOT NULL PRIMARY KEY,
    time INTEGER NOT NULL,
    heads TEXT NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TRIGGER epochs_stay BEFORE UPDATE ON epochs
BEGIN SELECT raise(ABORT, 'an epoch is never changed'); END;

CREATE TRIGGER epochs_last BEFORE DELETE ON epochs
BEGIN SELECT raise(ABORT, 'an epoch is never forgotten'); END;

-- Months that are over: one signed hash over how every book stood at the end. For good.
CREATE TABLE seals (
    month TEXT NOT NULL PRIMARY KEY,
    sealed_at INTEGER NOT NULL,
    books INTEGER NOT NULL,
    hash BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER seals_stay BEFORE UPDATE ON seals
BEGIN SELECT raise(ABORT, 'a seal is never changed'); END;

CREATE TRIGGER seals_last BEFORE DELETE ON seals
BEGIN SELECT raise(ABORT, 'a seal is never broken'); END;

-- Price tables as they were loaded: what old requests are priced again by.
CREATE TABLE price_tables (
    version TEXT NOT NULL PRIMARY KEY,
    sha256 BLOB NOT NULL,
    content TEXT NOT NULL,
    loaded_at INTEGER NOT NULL
) STRICT;

-- One book each: a projection of its journal.
CREATE TABLE tenants (
    tenant TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    posted INTEGER NOT NULL,
    held INTEGER NOT NULL,
    overage TEXT NOT NULL,
    credit INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    head BLOB NOT NULL,
    -- Why nothing is decided in this book any more; NULL while all is well. Not part of the journal.
    frozen TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER,
    -- Not part of the journal.
    last_used_at INTEGER,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE key_directory (
    digest BLOB NOT NULL PRIMARY KEY,
    pepper INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE top_ups (
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    external_reference TEXT NOT NULL,
    amount INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (tenant, source, external_reference)
) STRICT, WITHOUT ROWID;

-- Credit beside the balance. The content is the ledger's; what has an end that was not posted yet has it in a column.
CREATE TABLE grants (
    tenant TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    ends_at INTEGER,
    content BLOB NOT NULL,
    PRIMARY KEY (tenant, grant_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX grants_ending ON grants (ends_at) WHERE ends_at IS NOT NULL;

-- What a request was granted and how it ended. The content is the ledger's; the columns are what lists and the search for
-- overdue leases and for requests in flight need. Only what is open has a lease; only what is open and came with an idempotency
-- key has the two columns after it.
CREATE TABLE reservations (
    tenant TEXT NOT NULL,
    reservation BLOB NOT NULL,
    state TEXT NOT NULL,
    lease_until INTEGER,
    in_flight_key TEXT,
    in_flight_digest BLOB,
    content BLOB NOT NULL,
    PRIMARY KEY (tenant, reservation)
) STRICT, WITHOUT ROWID;

CREATE INDEX reservations_open ON reservations (lease_until) WHERE lease_until IS NOT NULL;

CREATE INDEX reservations_in_flight ON reservations (tenant, in_flight_key, in_flight_digest)
WHERE in_flight_digest IS NOT NULL;

-- Refused requests, kept for as long as the same request may come again. Not part of the journal.
CREATE TABLE refusals (
    tenant TEXT NOT NULL,
    reservation BLOB NOT NULL,
    time INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (tenant, reservation)
) STRICT, WITHOUT ROWID;

CREATE INDEX refusals_by_time ON refusals (time);

-- What happened, in order. Only appended. Content is encoded by the ledger and never encoded again.
CREATE TABLE journal (
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    content BLOB NOT NULL,
    previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, seq)
) STRICT, WITHOUT ROWID;

-- What each entry moves between accounts: its lines sum to zero in each currency. Above zero is a debit, below a credit. An
-- account's balance is the sum of its lines.
CREATE TABLE lines (
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    line INTEGER NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    -- When what was posted took place; the entry's time is when it was posted.
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, seq, line)
) STRICT, WITHOUT ROWID;

-- One a request that was charged: what reports read.
CREATE TABLE usage_records (
    tenant TEXT NOT NULL,
    reservation BLOB NOT NULL,
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    route TEXT NOT NULL,
    mode TEXT NOT NULL,
    stream INTEGER NOT NULL,
    feature TEXT NOT NULL,
    environment TEXT NOT NULL,
    end_user TEXT NOT NULL,
    session TEXT NOT NULL,
    agent TEXT NOT NULL,
    model_requested TEXT NOT NULL,
    model_served TEXT NOT NULL,
    provider TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    audio_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    audio_output_tokens INTEGER NOT NULL,
    source TEXT,
    cause TEXT,
    status INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    reserved INTEGER,
    priced INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    charged INTEGER NOT NULL,
    released INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    price_version TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    flags INTEGER NOT NULL,
    PRIMARY KEY (tenant, reservation)
) STRICT, WITHOUT ROWID;

-- One a try at a provider, failed ones included.
CREATE TABLE usage_attempts (
    tenant TEXT NOT NULL,
    reservation BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    status INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    audio_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    audio_output_tokens INTEGER NOT NULL,
    source TEXT NOT NULL,
    provider_request_id TEXT NOT NULL,
    service_tier TEXT NOT NULL,
    latency_ms INTEGER NOT NULL,
    first_byte_ms INTEGER,
    cost INTEGER NOT NULL,
    PRIMARY KEY (tenant, reservation, attempt)
) STRICT, WITHOUT ROWID;
