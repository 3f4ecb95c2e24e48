-- Work aids and staff: canned replies, colleagues' notes, tags, promises, blocks, coordinators, and
-- what was done by whom.

ALTER TABLE patron ADD COLUMN blocked_until INTEGER;
ALTER TABLE conversation ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE conversation ADD COLUMN promise TEXT;
ALTER TABLE note ADD COLUMN operator INTEGER REFERENCES operator(id);   -- null: the desk's own

-- The role's own CHECK knows two words; the third is an operator who coordinates.
ALTER TABLE operator ADD COLUMN coordinator INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token ADD COLUMN label TEXT;

CREATE TABLE canned (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER REFERENCES queue(id) ON DELETE CASCADE,               -- null: for every queue
    key   TEXT NOT NULL,
    text  TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX canned_key ON canned(key, coalesce(queue, 0));

-- Who changed or revealed what. Patrons are named as operators see them; their words are not here.
CREATE TABLE audit (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    operator     INTEGER REFERENCES operator(id),                       -- null: a command on the box
    action       TEXT NOT NULL,
    subject      TEXT,
    conversation INTEGER,
    detail       TEXT
) STRICT;
