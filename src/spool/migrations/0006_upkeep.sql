-- The spool, version 6: what the lines remember of their modems.

CREATE TABLE ladder (                             -- where a line stands on the recovery ladder
    line       TEXT PRIMARY KEY,
    kept       INTEGER NOT NULL,                  -- when, by the wall clock
    rung       INTEGER NOT NULL,
    rounds     INTEGER NOT NULL,
    alarm      TEXT CHECK (alarm IN ('mute', 'gone', 'sim')),
    counts     TEXT NOT NULL,                     -- how often each rung was tried, separated by spaces
    restarts   INTEGER NOT NULL,
    age        INTEGER,                           -- of the trouble, in ms at `kept`
    radio_age  INTEGER,
    next_round INTEGER                            -- ms from `kept`
) STRICT, WITHOUT ROWID;

CREATE TABLE modem_place (                        -- where a line's modem was found
    line      TEXT PRIMARY KEY,
    imei      TEXT NOT NULL,
    place     TEXT NOT NULL,                      -- controller and chain of ports
    interface INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
