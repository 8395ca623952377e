-- Times are milliseconds since the Unix epoch, UTC. Latencies are microseconds. Ids of messages and batches are the 16
-- bytes of their UUID. Scope: 0 live, 1 backfill. Level and kind: the numbers of `Level` and `SeriesKind`.

-- Dictionaries. Rows are never deleted, so a number never changes its meaning.
CREATE TABLE tenant (
    no    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    floor INTEGER -- event times before it are too late; NULL before the first purge
) STRICT;

CREATE TABLE series (
    no          INTEGER PRIMARY KEY,
    tenant      INTEGER NOT NULL REFERENCES tenant (no),
    kind        INTEGER NOT NULL,
    service     TEXT,
    environment TEXT,
    endpoint    TEXT,
    method      TEXT,
    status      INTEGER
) STRICT;
CREATE UNIQUE INDEX series_name ON series
    (tenant, kind, ifnull(service, ''), ifnull(environment, ''), ifnull(endpoint, ''), ifnull(method, ''), ifnull(status, -1));

-- Buckets. One kind over a range of time is one contiguous run of pages, which is what every reader scans; and the rows
-- that one moment writes lie side by side.
CREATE TABLE bucket (
    tenant         INTEGER NOT NULL,
    level          INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    start          INTEGER NOT NULL,
    series         INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    errors         INTEGER NOT NULL,
    client_errors  INTEGER NOT NULL,
    latency_sum_us INTEGER NOT NULL,
    latency_min_us INTEGER NOT NULL,
    latency_max_us INTEGER NOT NULL,
    bytes_in       INTEGER NOT NULL,
    bytes_out      INTEGER NOT NULL,
    histogram      BLOB NOT NULL,
    PRIMARY KEY (tenant, level, kind, start, series)
) STRICT, WITHOUT ROWID;

-- Days and months whose rows lag behind their hours. `version` grows with every touch, so that a derivation computed
-- from an older snapshot cannot take the mark away.
CREATE TABLE dirty (
    tenant  INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant, level, start)
) STRICT, WITHOUT ROWID;

-- The ledger. `last` is the later of the newest event time and the moment of counting: a row leaves when it lies before
-- the floor (backfill: before the retention of hours). Rows are appended at the end of each `_last` index, so it costs
-- little to keep, and a purge reads nothing but what it drops.
CREATE TABLE ledger_message (
    id     BLOB NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    won    BLOB NOT NULL,
    scope  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_message_last ON ledger_message (tenant, scope, last);

CREATE TABLE ledger_source (
    tenant      INTEGER NOT NULL,
    source      BLOB NOT NULL,
    seen        BLOB NOT NULL,
    fingerprint BLOB,
    scope       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    PRIMARY KEY (tenant, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_source_last ON ledger_source (tenant, scope, last);

CREATE TABLE ledger_event (
    key     BLOB NOT NULL PRIMARY KEY,
    tenant  INTEGER NOT NULL,
    content BLOB,
    scope   INTEGER NOT NULL,
    last    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_event_last ON ledger_event (tenant, scope, last);

CREATE TABLE tally (
    tenant      INTEGER NOT NULL,
    shard       INTEGER NOT NULL,
    received    INTEGER NOT NULL,
    counted     INTEGER NOT NULL,
    duplicates  INTEGER NOT NULL,
    conflicts   INTEGER NOT NULL,
    dead_open   INTEGER NOT NULL,
    discarded   INTEGER NOT NULL,
    replayed    INTEGER NOT NULL,
    raw_refused INTEGER NOT NULL,
    late        INTEGER NOT NULL,
    PRIMARY KEY (tenant, shard)
) STRICT, WITHOUT ROWID;

-- Events whose document the raw store refused, so that each is tallied once.
CREATE TABLE raw_refused (
    tenant   INTEGER NOT NULL,
    message  BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant, message, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
    tenant      INTEGER NOT NULL,
    message     BLOB NOT NULL,
    position    INTEGER NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    replayable  INTEGER NOT NULL,
    field       TEXT,
    explanation TEXT NOT NULL,
    request_id  TEXT,
    event_id    TEXT,
    service     TEXT,
    body        TEXT NOT NULL,
    scope       INTEGER NOT NULL,
    events      INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    settled_at  INTEGER, -- replayed or discarded then; a conflict is settled when recorded
    endpoint    TEXT,    -- counted under, once replayed
    raw_owed    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, message, position)
) STRICT;
CREATE INDEX dead_letter_newest ON dead_letter (tenant, recorded_at, message, position);
CREATE INDEX dead_letter_state ON dead_letter (tenant, state, recorded_at, message, position);
CREATE INDEX dead_letter_settled ON dead_letter (tenant, settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX dead_letter_owed ON dead_letter (settled_at) WHERE raw_owed;

-- Message ids are UUIDv7, so rows are appended.
CREATE TABLE raw_event (
    message    BLOB NOT NULL,
    position   INTEGER NOT NULL,
    tenant     INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    service    TEXT NOT NULL,
    endpoint   TEXT NOT NULL,
    method     TEXT NOT NULL,
    status     INTEGER NOT NULL,
    latency_us INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX raw_event_time ON raw_event (tenant, time);

-- Settings. `control` has one row.
CREATE TABLE control (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO control VALUES (1, 0);

CREATE TABLE tenant_setting (
    id            TEXT NOT NULL PRIMARY KEY,
    suspended     INTEGER NOT NULL,
    per_second    INTEGER, -- NULL with `burst`: unlimited
    burst         INTEGER,
    window        INTEGER NOT NULL,
    raw_retention INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lists are JSON arrays of texts; an empty one means all.
CREATE TABLE pipeline (
    tenant       TEXT NOT NULL,
    name         TEXT NOT NULL,
    services     TEXT NOT NULL,
    environments TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id         TEXT NOT NULL PRIMARY KEY,
    tenant     TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32), -- SHA-256; the key itself is never stored
    name       TEXT NOT NULL,
    services   TEXT NOT NULL,
    networks   TEXT NOT NULL,
    backfill   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    not_after  INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
