-- The queues that ever held a message. `no` is what the other tables refer to.
CREATE TABLE queue (
    no   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE          -- routing key: <tenant>.<pipeline> or <tenant>.parked
) STRICT;

-- Messages not acked yet. `seq` is given by the one writer and only grows while a process lives, so every insert goes to
-- the right edge of the tree, whatever waits.
CREATE TABLE message (
    seq         INTEGER PRIMARY KEY,
    queue       INTEGER NOT NULL,
    id          BLOB NOT NULL,         -- messageId, 16 bytes
    events      INTEGER NOT NULL,
    accepted_ms INTEGER NOT NULL,
    size        INTEGER NOT NULL,      -- bytes of body
    body        BLOB NOT NULL          -- last: the rest is read without its overflow pages
) STRICT;

-- Finds the next messages of a queue, and counts all of them at open without touching their bodies.
CREATE INDEX message_by_queue ON message (queue, seq, size);

-- How often a waiting message was delivered. No row = never.
CREATE TABLE delivery (
    seq   INTEGER PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT;

-- Written and emptied again by the readiness probe; always empty when a transaction ends.
CREATE TABLE probe (
    body BLOB NOT NULL
) STRICT;
