-- What an operator writes on behalf of Kubernetes. The epoch grows with every new leader; it is no setting, so the version
-- does not grow with it.
ALTER TABLE control ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;

-- Since when no resource stands for the tenant any more.
ALTER TABLE tenant_setting ADD COLUMN retained_at INTEGER CHECK (retained_at IS NULL OR suspended);

-- Who wrote a tenant last, and how new what it knew was. No setting either.
CREATE TABLE tenant_stamp (
    tenant     TEXT NOT NULL PRIMARY KEY,
    epoch      INTEGER NOT NULL,
    uid        BLOB NOT NULL,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Of a key that an operator made: the entry of its tenant's resource, and whether its Secret has shown it.
ALTER TABLE api_key ADD COLUMN entry TEXT;
ALTER TABLE api_key ADD COLUMN published INTEGER CHECK ((published IS NULL) = (entry IS NULL));
