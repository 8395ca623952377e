-- What an operator writes on behalf of Kubernetes. The epoch grows with every new leader; it is no setting, so the version
-- does not grow with it.
ALTER TABLE sendry.control ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

-- Since when no resource stands for the tenant any more.
ALTER TABLE sendry.tenant_setting
    ADD COLUMN retained_at BIGINT,
    ADD CHECK (retained_at IS NULL OR suspended);

-- Who wrote a tenant last, and how new what it knew was. No setting either: nobody is told of it.
CREATE TABLE sendry.tenant_stamp (
    tenant     TEXT PRIMARY KEY,
    epoch      BIGINT NOT NULL,
    uid        UUID NOT NULL,
    generation BIGINT NOT NULL
);

-- Of a key that an operator made: the entry of its tenant's resource, and whether its Secret has shown it.
ALTER TABLE sendry.api_key
    ADD COLUMN entry TEXT,
    ADD COLUMN published BOOLEAN,
    ADD CHECK ((published IS NULL) = (entry IS NULL));

CALL sendry.protect('sendry.tenant_stamp', 'tenant = (SELECT sendry.tenant_name())');

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sendry_analytics') THEN
        CREATE POLICY settings ON sendry.tenant_stamp FOR SELECT TO sendry_analytics USING (true);
    END IF;
END $$;
