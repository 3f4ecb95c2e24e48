-- The spool, version 2: operators and patrons with XMPP clients.

CREATE TABLE address (                            -- whose words are an operator's
    jid      TEXT PRIMARY KEY,                    -- bare, lower case
    operator INTEGER NOT NULL REFERENCES operator(id)
) STRICT, WITHOUT ROWID;

CREATE TABLE shown (                              -- up to which text an operator's client proved to have read a thread
    jid          TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    PRIMARY KEY (jid, conversation)
) STRICT, WITHOUT ROWID;

CREATE TABLE reply (                              -- an operator's stanza, until its author knows what became of it
    operator  INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    jid       TEXT NOT NULL,                      -- full: where it came from
    patron    TEXT NOT NULL,                      -- the address it was sent to
    stanza    TEXT NOT NULL,                      -- its id
    receipt   INTEGER NOT NULL,                   -- whether a receipt was asked for
    PRIMARY KEY (operator, client_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriber (                         -- who sees a queue's presence
    jid   TEXT NOT NULL,
    queue INTEGER NOT NULL,
    PRIMARY KEY (jid, queue)
) STRICT, WITHOUT ROWID;

CREATE INDEX patron_name ON patron(name);
