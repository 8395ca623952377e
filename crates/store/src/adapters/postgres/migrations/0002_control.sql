-- Settings, and what running processes say of themselves. Times and durations are milliseconds.

-- One row: grows with every change of a setting.
CREATE TABLE sendry.control (
    one     BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    version BIGINT NOT NULL
);
INSERT INTO sendry.control (version) VALUES (0);

CREATE TABLE sendry.tenant_setting (
    id            TEXT PRIMARY KEY,
    suspended     BOOLEAN NOT NULL,
    per_second    BIGINT, -- NULL with `burst`: unlimited
    burst         BIGINT,
    window_past   BIGINT NOT NULL,
    raw_retention BIGINT NOT NULL,
    CHECK ((per_second IS NULL) = (burst IS NULL))
);

-- An empty list means all.
CREATE TABLE sendry.pipeline (
    tenant       TEXT NOT NULL,
    name         TEXT NOT NULL,
    services     TEXT[] NOT NULL,
    environments TEXT[] NOT NULL,
    created_at   BIGINT NOT NULL,
    retired      BOOLEAN NOT NULL, -- takes no new events; its queue is drained
    PRIMARY KEY (tenant, name)
);

CREATE TABLE sendry.api_key (
    id         TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    hash       BYTEA NOT NULL CHECK (octet_length(hash) = 32), -- SHA-256; the key itself is never stored
    name       TEXT NOT NULL,
    services   TEXT[] NOT NULL,
    networks   TEXT[] NOT NULL,
    backfill   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    not_after  BIGINT,
    revoked_at BIGINT
);

-- `queues` is JSON; nothing is joined with it. Every row changes every two seconds, in place.
CREATE TABLE sendry.process (
    instance UUID PRIMARY KEY,
    role     TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    queues   TEXT NOT NULL
) WITH (fillfactor = 50);

-- Raises the version and tells who listens, both with the change's own commit; also where a person changes a row by hand.
-- The lock on the one row orders the commits, so that versions appear in order.
CREATE FUNCTION sendry.setting_changed() RETURNS TRIGGER
    LANGUAGE plpgsql
AS $$
DECLARE
    raised BIGINT;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    UPDATE sendry.control SET version = version + 1 RETURNING version INTO raised;
    PERFORM pg_notify('sendry_control', raised::TEXT);
    RETURN NULL;
END $$;

DO $$
DECLARE
    settings TEXT;
BEGIN
    FOREACH settings IN ARRAY ARRAY['tenant_setting', 'pipeline', 'api_key'] LOOP
        EXECUTE format(
            'CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON sendry.%I
                 FOR EACH ROW EXECUTE FUNCTION sendry.setting_changed()', settings);
    END LOOP;
END $$;

CALL sendry.protect('sendry.tenant_setting', 'id = (SELECT sendry.tenant_name())');
CALL sendry.protect('sendry.pipeline', 'tenant = (SELECT sendry.tenant_name())');
CALL sendry.protect('sendry.api_key', 'tenant = (SELECT sendry.tenant_name())');

-- Who asks, and for which tenant, is decided from the settings of all of them: outside of a transaction that is confined
-- to one, analytics reads them whole. Versions and processes are nobody's.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_worker') THEN
        GRANT SELECT, UPDATE ON sendry.control TO sendry_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON sendry.process TO sendry_worker;
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_analytics') THEN
        CREATE POLICY settings ON sendry.tenant_setting FOR SELECT TO sendry_analytics USING (true);
        CREATE POLICY settings ON sendry.pipeline FOR SELECT TO sendry_analytics USING (true);
        CREATE POLICY settings ON sendry.api_key FOR SELECT TO sendry_analytics USING (true);
        GRANT SELECT ON sendry.control, sendry.process TO sendry_analytics;
    END IF;
END $$;
