-- The spool, version 8: transcripts can be searched, and what is counted outlives them.

-- The index holds no text of its own; what is erased from a message is erased from it as well,
-- down to the bytes (`secure-delete`).
CREATE VIRTUAL TABLE search USING fts5(
    body, content = 'message', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO search (search, rank) VALUES ('secure-delete', 1);
INSERT INTO search (search) VALUES ('rebuild');
CREATE TRIGGER search_new AFTER INSERT ON message BEGIN
    INSERT INTO search (rowid, body) VALUES (new.id, new.body);
END;
CREATE TRIGGER search_gone AFTER DELETE ON message BEGIN
    INSERT INTO search (search, rowid, body) VALUES ('delete', old.id, old.body);
END;
CREATE TRIGGER search_reworded AFTER UPDATE OF body ON message BEGIN
    INSERT INTO search (search, rowid, body) VALUES ('delete', old.id, old.body);
    INSERT INTO search (rowid, body) VALUES (new.id, new.body);
END;

-- One row a text, written with it: no numbers, no names of patrons, no words, no conversation.
CREATE TABLE statistic (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL CHECK (kind IN ('in', 'out', 'notice')),
    at            INTEGER NOT NULL,               -- to the minute
    home          INTEGER NOT NULL,               -- the queue it came to
    gateway       INTEGER NOT NULL,
    operator      INTEGER,
    answerer_home INTEGER,                        -- the queue whoever answered belongs to
    wait          INTEGER,                        -- milliseconds
    first         INTEGER NOT NULL,               -- of its conversation, of its kind
    segments      INTEGER NOT NULL
) STRICT;
CREATE INDEX statistic_at ON statistic(at);
