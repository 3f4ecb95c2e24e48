-- Visitors of library pages, and files that go with conversations.

CREATE TABLE visitor (                            -- a browser's visit: which patron it is
    hash    TEXT PRIMARY KEY,                     -- SHA-256 of the page's token
    gateway INTEGER NOT NULL REFERENCES gateway(id),
    address TEXT NOT NULL,                        -- the patron's, at that gateway
    page    TEXT,                                 -- where they wrote from last
    title   TEXT,
    seen    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX visitor_address ON visitor(gateway, address);

CREATE TABLE widget (                             -- how a widget behaves
    gateway INTEGER PRIMARY KEY REFERENCES gateway(id),
    manner  TEXT NOT NULL
) STRICT;

CREATE TABLE attachment (                         -- its content is a file beside the spool
    secret TEXT PRIMARY KEY,                      -- what its link ends with
    name   TEXT NOT NULL,
    kind   TEXT NOT NULL,
    size   INTEGER NOT NULL,
    made   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_made ON attachment(made);
