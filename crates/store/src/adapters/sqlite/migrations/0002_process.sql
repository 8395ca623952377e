-- What running processes say of themselves. `queues` is JSON; nothing is joined with it.
CREATE TABLE process (
    instance BLOB NOT NULL PRIMARY KEY,
    role     TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    queues   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A retired pipeline takes no new events; its queue is drained.
ALTER TABLE pipeline ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
