-- Times are milliseconds since the Unix epoch, UTC. Latencies are microseconds. Scope: 0 live, 1 backfill. Level and
-- kind: the numbers of `Level` and `SeriesKind`.
CREATE SCHEMA IF NOT EXISTS sendry;

CREATE TABLE sendry.schema_step (
    version INTEGER PRIMARY KEY,
    name    TEXT NOT NULL
);

-- Group roles. `sendry_worker` writes for every tenant; `sendry_analytics` sees the tenant that the setting
-- `sendry.tenant` names, and none without it. A login becomes one of them with SET ROLE, so it has to be granted it.
-- Where the migrating role may not make roles, a person makes them before the migration, or does without.
DO $$
DECLARE
    wanted TEXT;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['sendry_worker', 'sendry_analytics'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', wanted);
            EXCEPTION
                -- Another database's migration made it at the same moment.
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE NOTICE 'role % was not made: % may not make roles', wanted, current_user;
            END;
        END IF;
    END LOOP;
END $$;

-- The tenant that a transaction is confined to; NULL = to none.
CREATE FUNCTION sendry.tenant_name() RETURNS TEXT
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('sendry.tenant', true), '');

-- Puts the second wall around a table. `condition` holds for the rows of `tenant_name()`, and for none where that is
-- NULL. `analytics` are the privileges of `sendry_analytics`, on those rows alone.
CREATE PROCEDURE sendry.protect(target REGCLASS, condition TEXT, analytics TEXT DEFAULT 'SELECT')
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER USING (true)', target);
    -- For everyone: a transaction confined to a tenant sees and writes that tenant only.
    EXECUTE format(
        'CREATE POLICY wall ON %s AS RESTRICTIVE USING ((SELECT sendry.tenant_name()) IS NULL OR (%s))',
        target, condition);
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_worker') THEN
        EXECUTE format('CREATE POLICY worker ON %s TO sendry_worker USING (true)', target);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO sendry_worker', target);
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_analytics') THEN
        EXECUTE format('CREATE POLICY analytics ON %s TO sendry_analytics USING (%s)', target, condition);
        EXECUTE format('GRANT %s ON %s TO sendry_analytics', analytics, target);
    END IF;
END $$;

DO $$
DECLARE
    allowed TEXT;
BEGIN
    FOREACH allowed IN ARRAY ARRAY['sendry_worker', 'sendry_analytics'] LOOP
        IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = allowed) THEN
            EXECUTE format('GRANT USAGE ON SCHEMA sendry TO %I', allowed);
            EXECUTE format('GRANT SELECT ON sendry.schema_step TO %I', allowed);
        END IF;
    END LOOP;
END $$;

-- Dictionaries. Rows are never deleted, so a number never changes its meaning.
CREATE TABLE sendry.tenant (
    no    INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    floor BIGINT -- event times before it are too late; NULL before the first purge
);

-- The number of the tenant that a transaction is confined to; NULL = to none.
CREATE FUNCTION sendry.tenant_no() RETURNS INTEGER
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT no FROM sendry.tenant WHERE name = nullif(current_setting('sendry.tenant', true), ''));

CREATE TABLE sendry.series (
    no          INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant      INTEGER NOT NULL,
    kind        SMALLINT NOT NULL,
    service     TEXT,
    environment TEXT,
    endpoint    TEXT,
    method      TEXT,
    status      SMALLINT
);
CREATE UNIQUE INDEX series_name ON sendry.series
    (tenant, kind, coalesce(service, ''), coalesce(environment, ''), coalesce(endpoint, ''), coalesce(method, ''),
     coalesce(status, -1::SMALLINT));

-- Buckets. Rows are updated in place (room in each page, no index on what changes), and the rows that one moment writes
-- lie side by side in the index. A row of a total may stand several times, once a shard; readers add them up.
CREATE TABLE sendry.bucket (
    start          BIGINT NOT NULL,
    tenant         INTEGER NOT NULL,
    series         INTEGER NOT NULL,
    level          SMALLINT NOT NULL,
    kind           SMALLINT NOT NULL,
    shard          SMALLINT NOT NULL,
    count          BIGINT NOT NULL,
    errors         BIGINT NOT NULL,
    client_errors  BIGINT NOT NULL,
    latency_sum_us BIGINT NOT NULL,
    latency_min_us BIGINT NOT NULL,
    latency_max_us BIGINT NOT NULL,
    bytes_in       BIGINT NOT NULL,
    bytes_out      BIGINT NOT NULL,
    histogram      BYTEA NOT NULL,
    PRIMARY KEY (tenant, level, kind, start, series, shard)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);

-- Days and months whose rows lag behind their hours. A derivation writes its number into `claim` before it computes;
-- counting clears it, so that a derivation whose number is gone cannot take the mark away.
CREATE TABLE sendry.dirty (
    start  BIGINT NOT NULL,
    claim  BIGINT,
    tenant INTEGER NOT NULL,
    level  SMALLINT NOT NULL,
    PRIMARY KEY (tenant, level, start)
) WITH (fillfactor = 50);
CREATE SEQUENCE sendry.derivation;

-- The ledger. `last` is the later of the newest event time and the moment of counting: a row leaves when it lies before
-- the floor (backfill: before the retention of hours). Rows of one call share their `last`, which a B-tree stores once.
CREATE TABLE sendry.ledger_message (
    id     UUID PRIMARY KEY,
    last   BIGINT NOT NULL,
    tenant INTEGER NOT NULL,
    scope  SMALLINT NOT NULL,
    won    BYTEA NOT NULL
);
CREATE INDEX ledger_message_last ON sendry.ledger_message (tenant, scope, last);

CREATE TABLE sendry.ledger_source (
    source      UUID NOT NULL,
    fingerprint UUID,
    last        BIGINT NOT NULL,
    tenant      INTEGER NOT NULL,
    scope       SMALLINT NOT NULL,
    seen        BYTEA NOT NULL,
    PRIMARY KEY (tenant, source)
);
CREATE INDEX ledger_source_last ON sendry.ledger_source (tenant, scope, last);

CREATE TABLE sendry.ledger_event (
    key     UUID PRIMARY KEY,
    content UUID,
    last    BIGINT NOT NULL,
    tenant  INTEGER NOT NULL,
    scope   SMALLINT NOT NULL
);
CREATE INDEX ledger_event_last ON sendry.ledger_event (tenant, scope, last);

CREATE TABLE sendry.tally (
    tenant      INTEGER NOT NULL,
    shard       SMALLINT NOT NULL,
    received    BIGINT NOT NULL,
    counted     BIGINT NOT NULL,
    duplicates  BIGINT NOT NULL,
    conflicts   BIGINT NOT NULL,
    dead_open   BIGINT NOT NULL,
    discarded   BIGINT NOT NULL,
    replayed    BIGINT NOT NULL,
    raw_refused BIGINT NOT NULL,
    late        BIGINT NOT NULL,
    PRIMARY KEY (tenant, shard)
) WITH (fillfactor = 50);

-- Events whose document the raw store refused, so that each is tallied once.
CREATE TABLE sendry.raw_refused (
    message  UUID NOT NULL,
    position BIGINT NOT NULL,
    tenant   INTEGER NOT NULL,
    PRIMARY KEY (tenant, message, position)
);

CREATE TABLE sendry.dead_letter (
    tenant      INTEGER NOT NULL,
    message     UUID NOT NULL,
    position    BIGINT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    replayable  BOOLEAN NOT NULL,
    field       TEXT,
    explanation TEXT NOT NULL,
    request_id  TEXT,
    event_id    TEXT,
    service     TEXT,
    body        TEXT NOT NULL,
    scope       SMALLINT NOT NULL,
    events      BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    settled_at  BIGINT, -- replayed or discarded then; a conflict is settled when recorded
    endpoint    TEXT,   -- counted under, once replayed
    raw_owed    BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (tenant, message, position)
);
CREATE INDEX dead_letter_newest ON sendry.dead_letter (tenant, recorded_at, message, position);
CREATE INDEX dead_letter_state ON sendry.dead_letter (tenant, state, recorded_at, message, position);
CREATE INDEX dead_letter_settled ON sendry.dead_letter (tenant, settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX dead_letter_owed ON sendry.dead_letter (settled_at, message, position) WHERE raw_owed;

CALL sendry.protect('sendry.tenant', 'name = (SELECT sendry.tenant_name())');
CALL sendry.protect('sendry.ledger_message', 'tenant = (SELECT sendry.tenant_no())');
CALL sendry.protect('sendry.ledger_source', 'tenant = (SELECT sendry.tenant_no())');
CALL sendry.protect('sendry.ledger_event', 'tenant = (SELECT sendry.tenant_no())');
CALL sendry.protect('sendry.raw_refused', 'tenant = (SELECT sendry.tenant_no())');
-- Replaying and discarding a dead letter, for the tenant whose letter it is.
CALL sendry.protect('sendry.series', 'tenant = (SELECT sendry.tenant_no())', 'SELECT, INSERT');
CALL sendry.protect('sendry.bucket', 'tenant = (SELECT sendry.tenant_no())', 'SELECT, INSERT, UPDATE');
CALL sendry.protect('sendry.dirty', 'tenant = (SELECT sendry.tenant_no())', 'SELECT, INSERT, UPDATE');
CALL sendry.protect('sendry.tally', 'tenant = (SELECT sendry.tenant_no())', 'SELECT, INSERT, UPDATE');
CALL sendry.protect('sendry.dead_letter', 'tenant = (SELECT sendry.tenant_no())', 'SELECT, UPDATE');

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_worker') THEN
        GRANT USAGE ON SEQUENCE sendry.derivation TO sendry_worker;
    END IF;
END $$;
