-- Version 3: limits, what they have counted in their present windows, and the zone that says when a tenant's days begin.
ALTER TABLE tenants ADD COLUMN zone TEXT NOT NULL DEFAULT 'UTC';

CREATE TABLE limits (
    tenant TEXT NOT NULL,
    limit_id TEXT NOT NULL,
    content BYTEA NOT NULL,
    PRIMARY KEY (tenant, limit_id)
);

-- By the limit's number; only what is not nothing.
CREATE TABLE counters (
    tenant TEXT NOT NULL,
    number BIGINT NOT NULL,
    subject TEXT NOT NULL,
    counted BYTEA NOT NULL,
    PRIMARY KEY (tenant, number, subject)
);
