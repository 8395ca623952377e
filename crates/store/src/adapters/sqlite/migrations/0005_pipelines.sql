-- Of a pipeline that an operator made: who wrote it last, and what its queue needs, which outlives its resource. No setting
-- that ingest obeys.
CREATE TABLE pipeline_stamp (
    tenant         TEXT NOT NULL,
    name           TEXT NOT NULL,
    epoch          INTEGER NOT NULL,
    uid            BLOB NOT NULL,
    generation     INTEGER NOT NULL,
    stage          TEXT NOT NULL CHECK (stage IN ('open', 'closed', 'leaving')),
    max_bytes      INTEGER, -- NULL: what the tenant says
    delivery_limit INTEGER, -- NULL: the default
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
