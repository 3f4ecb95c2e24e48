-- The spool, version 1. Times are milliseconds since 1970 UTC; rows are ordered by id, never by
-- time: the box has no battery clock.

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The plan of the desk -------------------------------------------------------------------------

CREATE TABLE queue (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    closed_period INTEGER NOT NULL DEFAULT 0      -- the number of its latest closed period
) STRICT;

CREATE TABLE line (                               -- configured modems seen so far
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE gateway (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('sms', 'im', 'widget')),
    queue         INTEGER NOT NULL REFERENCES queue(id),
    line          TEXT,
    policy        TEXT NOT NULL CHECK (policy IN ('hold', 'refuse')),
    closed_notice TEXT,                           -- null: the default wording; empty: none
    removed       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX gateway_name ON gateway(name) WHERE NOT removed;
CREATE UNIQUE INDEX gateway_line ON gateway(line) WHERE NOT removed AND line IS NOT NULL;

CREATE TABLE operator (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('operator', 'admin')),
    password_hash TEXT,
    shows         TEXT NOT NULL DEFAULT 'offline' CHECK (shows IN ('available', 'away', 'offline')),
    removed       INTEGER NOT NULL DEFAULT 0      -- kept: transcripts name their authors
) STRICT;
CREATE UNIQUE INDEX operator_name ON operator(name) WHERE NOT removed;

CREATE TABLE assignment (
    operator INTEGER NOT NULL REFERENCES operator(id),
    queue    INTEGER NOT NULL REFERENCES queue(id),
    PRIMARY KEY (operator, queue)
) STRICT, WITHOUT ROWID;

-- Ways to prove who one is: only SHA-256 of each secret is kept.
CREATE TABLE session (
    hash     TEXT PRIMARY KEY,
    operator INTEGER NOT NULL REFERENCES operator(id),
    expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE token (
    hash     TEXT PRIMARY KEY,
    operator INTEGER NOT NULL REFERENCES operator(id),
    made     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE link (
    hash     TEXT PRIMARY KEY,
    operator INTEGER NOT NULL REFERENCES operator(id),
    expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What came in ---------------------------------------------------------------------------------

CREATE TABLE inbox (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    line     TEXT NOT NULL,
    digest   BLOB NOT NULL,                       -- the same PDU again is the same row
    pdu      BLOB,                                -- null once consumed
    state    TEXT NOT NULL DEFAULT 'new'
             CHECK (state IN ('new', 'shown', 'parked', 'odd', 'used')),
    message  INTEGER,                             -- shown: the text it was shown in, in part
    problem  TEXT,                                -- odd: why it could not be read
    received INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX inbox_digest ON inbox(line, digest);
-- A partial index serves only queries that repeat its condition word for word.
CREATE INDEX inbox_open ON inbox(line, state, id) WHERE state <> 'used';

-- Conversations --------------------------------------------------------------------------------

CREATE TABLE patron (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    gateway      INTEGER NOT NULL REFERENCES gateway(id),
    address      TEXT NOT NULL,
    name         TEXT NOT NULL,
    opted_out    INTEGER NOT NULL DEFAULT 0,
    automatic_at TEXT NOT NULL DEFAULT '[]',
    repeats      TEXT NOT NULL DEFAULT '{}',
    UNIQUE (gateway, address)
) STRICT;

CREATE TABLE conversation (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    patron           INTEGER NOT NULL REFERENCES patron(id),
    gateway          INTEGER NOT NULL REFERENCES gateway(id),
    queue            INTEGER NOT NULL REFERENCES queue(id),
    home             INTEGER NOT NULL REFERENCES queue(id),
    state            TEXT NOT NULL CHECK (state IN ('held', 'waiting', 'claimed', 'closed')),
    claimed_by       INTEGER REFERENCES operator(id),
    waiting_since    INTEGER,
    last_answered_by INTEGER REFERENCES operator(id),
    transfer         TEXT,
    closed_notice    INTEGER,
    waiting_noticed  INTEGER NOT NULL DEFAULT 0,
    flagged          INTEGER NOT NULL DEFAULT 0,
    opened           INTEGER NOT NULL,
    active           INTEGER NOT NULL
) STRICT;
CREATE INDEX conversation_open ON conversation(state, id) WHERE state <> 'closed';
CREATE INDEX conversation_patron ON conversation(patron, id);

CREATE TABLE message (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation(id),
    direction    TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    body         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    stamped      INTEGER,
    state        TEXT NOT NULL,
    reason       TEXT,
    author       TEXT NOT NULL CHECK (author IN ('patron', 'operator', 'desk')),
    operator     INTEGER REFERENCES operator(id),
    client_id    TEXT
) STRICT;
CREATE INDEX message_thread ON message(conversation, id);
CREATE UNIQUE INDEX message_client ON message(operator, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE note (                               -- from the desk to the operators
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation INTEGER NOT NULL REFERENCES conversation(id),
    after        INTEGER NOT NULL,                -- the last message before it, or 0
    at           INTEGER NOT NULL,
    text         TEXT NOT NULL
) STRICT;
CREATE INDEX note_thread ON note(conversation, id);

-- What operators have been told, so that a listener resumes without a gap. Pruned.
CREATE TABLE feed (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL CHECK (kind IN ('conversation', 'message', 'note')),
    conversation INTEGER NOT NULL,
    message      INTEGER,
    note         INTEGER
) STRICT;

-- What goes out --------------------------------------------------------------------------------

CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    message        INTEGER NOT NULL REFERENCES message(id),
    conversation   INTEGER NOT NULL REFERENCES conversation(id),
    gateway        INTEGER NOT NULL REFERENCES gateway(id),
    recipient      TEXT NOT NULL,
    may_be_doubled INTEGER NOT NULL DEFAULT 0,
    state          TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'unknown', 'failed', 'delivered')),
    tries          INTEGER NOT NULL DEFAULT 0,
    not_before     INTEGER NOT NULL DEFAULT 0,
    made           INTEGER NOT NULL,
    problem        TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox(gateway, id) WHERE state = 'due';
CREATE INDEX outbox_turn ON outbox(conversation, id) WHERE state = 'due';
CREATE INDEX outbox_message ON outbox(message);

CREATE TABLE segment (                            -- one SMS of a text: an attempt is a row before it is made
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox      INTEGER NOT NULL REFERENCES outbox(id),
    seq         INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    line        TEXT NOT NULL,
    tail        TEXT NOT NULL,                    -- the recipient's last eight digits
    state       TEXT NOT NULL
                CHECK (state IN ('planned', 'attempting', 'accepted', 'refused', 'unknown', 'delivered', 'undelivered')),
    pdu         BLOB NOT NULL,
    reference   INTEGER,                          -- TP-MR, once accepted
    attempted   INTEGER,
    problem     TEXT,
    UNIQUE (outbox, seq)
) STRICT;
CREATE INDEX segment_reports ON segment(line, tail, state, reference);
CREATE INDEX segment_attempting ON segment(outbox) WHERE state = 'attempting';
CREATE INDEX segment_attempted ON segment(line, attempted);
