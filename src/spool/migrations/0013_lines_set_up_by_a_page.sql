-- What a person tells of a line on the page that sets the desk up.

CREATE TABLE sim_pin (                            -- the PIN that was typed for a SIM, and was right
    card TEXT PRIMARY KEY,                        -- its ICCID
    pin  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE standing ADD COLUMN number TEXT;      -- the line's own, for a SIM that does not know it
