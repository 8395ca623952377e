-- Of a pipeline that an operator made: who wrote it last, and what its queue needs, which outlives its resource. No setting
-- that ingest obeys: nobody is told of it.
CREATE TABLE sendry.pipeline_stamp (
    tenant         TEXT NOT NULL,
    name           TEXT NOT NULL,
    epoch          BIGINT NOT NULL,
    uid            UUID NOT NULL,
    generation     BIGINT NOT NULL,
    stage          TEXT NOT NULL CHECK (stage IN ('open', 'closed', 'leaving')),
    max_bytes      BIGINT, -- NULL: what the tenant says
    delivery_limit BIGINT, -- NULL: the default
    PRIMARY KEY (tenant, name)
);

CALL sendry.protect('sendry.pipeline_stamp', 'tenant = (SELECT sendry.tenant_name())');

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_analytics') THEN
        CREATE POLICY settings ON sendry.pipeline_stamp FOR SELECT TO sendry_analytics USING (true);
    END IF;
END $$;
