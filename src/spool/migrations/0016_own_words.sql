-- The spool, version 16: reactions beside messages, the library's keywords, answers to patrons' words.

ALTER TABLE patron ADD COLUMN answered TEXT NOT NULL DEFAULT '{}';  -- when answers to their own words went
ALTER TABLE conversation ADD COLUMN quiet INTEGER NOT NULL DEFAULT 0; -- nothing automatic answers what waits
ALTER TABLE conversation ADD COLUMN erasure_asked INTEGER;          -- when its patron asked to be forgotten
ALTER TABLE message ADD COLUMN reaction TEXT;                       -- the patron's mark beside it

CREATE TABLE keyword (                            -- a word that is answered without a librarian
    gateway INTEGER NOT NULL REFERENCES gateway(id),
    folded  TEXT NOT NULL,                        -- as a whole message is looked up
    word    TEXT NOT NULL,                        -- as the library wrote it
    answer  TEXT NOT NULL,
    PRIMARY KEY (gateway, folded)
) STRICT, WITHOUT ROWID;

-- Two more kinds are counted.
CREATE TABLE counted (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL CHECK (kind IN ('in', 'out', 'notice', 'reaction', 'keyword')),
    at            INTEGER NOT NULL,               -- to the minute
    home          INTEGER NOT NULL,               -- the queue it came to
    gateway       INTEGER NOT NULL,
    operator      INTEGER,
    answerer_home INTEGER,                        -- the queue whoever answered belongs to
    wait          INTEGER,                        -- milliseconds
    first         INTEGER NOT NULL,               -- of its conversation, of its kind
    segments      INTEGER NOT NULL
) STRICT;
INSERT INTO counted SELECT * FROM statistic;
DROP TABLE statistic;
ALTER TABLE counted RENAME TO statistic;
CREATE INDEX statistic_at ON statistic(at);
