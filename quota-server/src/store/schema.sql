-- Ferry's database, version 1. Money is in units of the tenant's currency, times are Unix milliseconds, counts of tokens are
-- unsigned numbers kept in signed columns bit by bit.
--
-- The tenant comes first in every key, so that a tenant's rows lie together and can live on a machine of their own. What belongs to no
-- tenant is exempt, and holds no tenant's money: what the server knows of itself, price tables, what gateways did in an hour, and the
-- directories from a key's digest and from a payment to its tenant.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Peppers that keys were stored under. A fingerprint tells a wrong pepper file from the right one.
CREATE TABLE peppers (
    pepper BIGINT NOT NULL PRIMARY KEY,
    fingerprint BYTEA NOT NULL
);

-- A restore, or an accepted loss, begins an epoch: the heads that stood then, a line each, under the signing key. For good.
CREATE TABLE epochs (
    epoch BIGINT NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL,
    heads TEXT NOT NULL,
    signature BYTEA NOT NULL
);

-- Months that are over: one signed hash over how every book stood at the end. For good.
CREATE TABLE seals (
    month TEXT NOT NULL PRIMARY KEY,
    sealed_at BIGINT NOT NULL,
    books BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature BYTEA NOT NULL
);

-- Price tables as they were loaded: what old requests are priced again by.
CREATE TABLE price_tables (
    version TEXT NOT NULL PRIMARY KEY,
    sha256 BYTEA NOT NULL,
    content TEXT NOT NULL,
    loaded_at BIGINT NOT NULL
);

-- One book each: a projection of its journal.
CREATE TABLE tenants (
    tenant TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    posted BIGINT NOT NULL,
    held BIGINT NOT NULL,
    overage TEXT NOT NULL,
    credit BIGINT NOT NULL,
    -- Whoever gets a share of what it pays, in basis points, and what that leaves below a unit, in ten-thousandths.
    reseller TEXT,
    share BIGINT NOT NULL,
    share_carry BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT NOT NULL,
    head BYTEA NOT NULL,
    -- Why nothing is decided in this book any more; NULL while all is well. Not part of the journal.
    frozen TEXT
);

-- Frozen books are few, if any: what is due in them is passed over.
CREATE INDEX tenants_frozen ON tenants (tenant) WHERE frozen IS NOT NULL;

-- The house's own book: one row, once something was posted to it. It stands apart from the tenants, since nothing that they have
-- is in it.
CREATE TABLE house (
    tenant TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    time BIGINT NOT NULL,
    head BYTEA NOT NULL,
    -- As of a tenant.
    frozen TEXT
);

-- What happened in the house's book. The content is the ledger's.
CREATE TABLE movements (
    tenant TEXT NOT NULL,
    movement TEXT NOT NULL,
    seq BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, movement)
);

-- What each provider has in advance.
CREATE TABLE advances (
    tenant TEXT NOT NULL,
    provider TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (tenant, provider, currency)
);

CREATE TABLE keys (
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    label TEXT NOT NULL,
    state TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT,
    -- Not part of the journal.
    last_used_at BIGINT,
    PRIMARY KEY (tenant, key)
);

CREATE TABLE key_directory (
    digest BYTEA NOT NULL PRIMARY KEY,
    pepper BIGINT NOT NULL,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL
);
-- For verify, which looks every tenant's keys up.
CREATE INDEX key_directory_of_tenant ON key_directory (tenant);

CREATE TABLE top_ups (
    tenant TEXT NOT NULL,
    source TEXT NOT NULL,
    external_reference TEXT NOT NULL,
    amount BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT NOT NULL,
    -- What of it was paid back, or taken back by the customer's bank.
    taken_back BIGINT NOT NULL,
    PRIMARY KEY (tenant, source, external_reference)
);

-- Whom each payment was credited to: over all tenants it is credited once.
CREATE TABLE top_up_directory (
    source TEXT NOT NULL,
    external_reference TEXT NOT NULL,
    tenant TEXT NOT NULL,
    PRIMARY KEY (source, external_reference)
);
-- For verify, which looks every tenant's top-ups up.
CREATE INDEX top_up_directory_of_tenant ON top_up_directory (tenant);

-- Money that went from one book to another: each of the two has a row, under the same id.
CREATE TABLE transfers (
    tenant TEXT NOT NULL,
    transfer TEXT NOT NULL,
    direction TEXT NOT NULL,
    other TEXT NOT NULL,
    amount BIGINT NOT NULL,
    note TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT NOT NULL,
    PRIMARY KEY (tenant, transfer)
);

-- What people put right. The content is the ledger's.
CREATE TABLE corrections (
    tenant TEXT NOT NULL,
    correction TEXT NOT NULL,
    seq BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, correction)
);

-- Credit beside the balance. The content is the ledger's; what has an end that was not posted yet has it in a column.
CREATE TABLE grants (
    tenant TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    ends_at BIGINT,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, grant_id)
);

CREATE INDEX grants_ending ON grants (ends_at) WHERE ends_at IS NOT NULL;

-- What a request was granted, how it ended, and what it was charged for what it used: reports read their usage records here. The
-- content is the ledger's; the columns are what lists and the search for overdue leases and for requests in flight need. Only what is open has a lease; only what is open and came with an idempotency
-- key has the two columns after it.
CREATE TABLE reservations (
    tenant TEXT NOT NULL,
    reservation BYTEA NOT NULL,
    state TEXT NOT NULL,
    lease_until BIGINT,
    in_flight_key TEXT,
    in_flight_digest BYTEA,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, reservation)
);

CREATE INDEX reservations_open ON reservations (lease_until) WHERE lease_until IS NOT NULL;

CREATE INDEX reservations_in_flight ON reservations (tenant, in_flight_key, in_flight_digest)
WHERE in_flight_digest IS NOT NULL;

-- Refused requests, kept for as long as the same request may come again. Not part of the journal.
CREATE TABLE refusals (
    tenant TEXT NOT NULL,
    reservation BYTEA NOT NULL,
    time BIGINT NOT NULL,
    -- Where the journal ended then.
    seq BIGINT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, reservation)
);

CREATE INDEX refusals_by_time ON refusals (time);

-- Settlements of which nothing was held, by gateway and clock hour (whole hours since 1970), as far as they were posted: what each may
-- do in an hour is counted for all servers together. Of no tenant, and no money. Not part of the journal; forgotten after a day.
CREATE TABLE unreserved_settles (
    principal TEXT NOT NULL,
    hour BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (principal, hour)
);

-- What happened, in order. Only appended. Content is encoded by the ledger and never encoded again.
--
-- Beside it stands what the entry moves between accounts, as JSON: [["asset.clearing","USD",100],["liability.prepaid","USD",-100]].
-- Lines sum to zero in each currency; above zero is a debit, below a credit; an account's balance is the sum of its lines. When
-- what was posted took place is the request's time; the entry's own is when it was posted. Both are NULL where nothing moves.
CREATE TABLE journal (
    tenant TEXT NOT NULL,
    seq BIGINT NOT NULL,
    time BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    content BYTEA NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    occurred_at BIGINT,
    lines TEXT,
    PRIMARY KEY (tenant, seq)
);
