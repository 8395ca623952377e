-- When the tenant was erased: what was accepted before is counted no more.
ALTER TABLE tenant ADD COLUMN erased_at INTEGER;

-- The largest number of a series that was erased: numbers are never used twice, because readers remember them.
CREATE TABLE erased_series (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    no   INTEGER NOT NULL
) STRICT;
INSERT INTO erased_series VALUES (1, 0);
