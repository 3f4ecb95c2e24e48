-- The spool, version 4: opening hours, fallback queues, wording, pauses; what outlives a transcript.

ALTER TABLE queue ADD COLUMN title TEXT;          -- what its patrons call it; null: as the library
ALTER TABLE queue ADD COLUMN facts TEXT;          -- what partners should know
ALTER TABLE queue ADD COLUMN hours TEXT;          -- Mon-Fri 9:00-17:00; null: not told
ALTER TABLE queue ADD COLUMN fallback INTEGER REFERENCES queue(id);
ALTER TABLE queue ADD COLUMN fallback_after INTEGER; -- seconds; null: the usual

CREATE TABLE holiday (                            -- a day that is not as the week says
    queue INTEGER NOT NULL REFERENCES queue(id),
    date  TEXT NOT NULL,                          -- 2026-12-25
    hours TEXT NOT NULL,                          -- closed, or 9:00-12:00
    PRIMARY KEY (queue, date)
) STRICT, WITHOUT ROWID;

ALTER TABLE gateway ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateway ADD COLUMN pauses INTEGER NOT NULL DEFAULT 0; -- each is a closed period of its own

CREATE TABLE wording (                            -- a gateway's own words for a notice; empty: not sent
    gateway INTEGER NOT NULL REFERENCES gateway(id),
    notice  TEXT NOT NULL,
    words   TEXT NOT NULL,
    PRIMARY KEY (gateway, notice)
) STRICT, WITHOUT ROWID;
INSERT INTO wording (gateway, notice, words)
    SELECT id, 'closed', closed_notice FROM gateway WHERE closed_notice IS NOT NULL
    UNION ALL
    SELECT id, 'refused', closed_notice FROM gateway WHERE closed_notice IS NOT NULL;
ALTER TABLE gateway DROP COLUMN closed_notice;

CREATE TABLE outage (                             -- the latest time a gateway's line was down
    gateway INTEGER PRIMARY KEY REFERENCES gateway(id),
    began   INTEGER NOT NULL,
    ended   INTEGER NOT NULL
) STRICT;

ALTER TABLE conversation ADD COLUMN rollover TEXT; -- null: before its own queue alone
ALTER TABLE conversation ADD COLUMN outage INTEGER; -- the outage its patron was told of
ALTER TABLE conversation ADD COLUMN farewell INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN closed INTEGER; -- when
UPDATE conversation SET closed = active WHERE state = 'closed';
CREATE INDEX conversation_closed ON conversation(closed) WHERE state = 'closed';

-- Whoever opted out stays so when their number is erased: a keyed fingerprint of it, not the number.
CREATE TABLE opted_out (
    fingerprint INTEGER PRIMARY KEY
) STRICT;

-- What is left of erased transcripts, for statistics: no numbers, no names, no words.
CREATE TABLE past_conversation (
    id      INTEGER PRIMARY KEY,                  -- as it was
    gateway INTEGER NOT NULL,
    queue   INTEGER NOT NULL,
    home    INTEGER NOT NULL,
    opened  INTEGER NOT NULL,
    closed  INTEGER NOT NULL
) STRICT;
CREATE TABLE past_message (
    id           INTEGER PRIMARY KEY,             -- as it was: the order of a thread
    conversation INTEGER NOT NULL,
    direction    TEXT NOT NULL,
    at           INTEGER NOT NULL,
    state        TEXT NOT NULL,
    author       TEXT NOT NULL,
    operator     INTEGER
) STRICT;
CREATE INDEX past_message_thread ON past_message(conversation, id);
