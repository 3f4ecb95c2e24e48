-- What sending learns of a text, and what is known of a line besides what its modem says.

ALTER TABLE outbox ADD COLUMN refusal TEXT;                        -- what the last refusal called for
ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0; -- how often that in a row
ALTER TABLE outbox ADD COLUMN doubt_until INTEGER;                 -- unknown: until when a report is awaited
ALTER TABLE outbox ADD COLUMN resent INTEGER NOT NULL DEFAULT 0;   -- sent again by itself, once

ALTER TABLE segment ADD COLUMN prior INTEGER;                      -- the SIM's last TP-MR before the attempt
ALTER TABLE segment ADD COLUMN hint TEXT CHECK (hint IN ('unsent', 'left'));

-- Texts to one patron keep their order, whichever thread each belongs to.
CREATE INDEX outbox_patron ON outbox(gateway, recipient, id) WHERE state = 'due';
CREATE INDEX outbox_doubt ON outbox(doubt_until) WHERE doubt_until IS NOT NULL;
CREATE INDEX segment_hint ON segment(line, id) WHERE state = 'unknown';

CREATE TABLE standing (                           -- one line's
    line           TEXT PRIMARY KEY,
    refused        TEXT NOT NULL DEFAULT '[]',    -- recipients the carrier refused in a row, by their last digits
    paused_at      INTEGER,
    paused_until   INTEGER,
    pause_reason   TEXT,
    keeps_last     TEXT,                          -- the modem (IMEI) whose SIM was seen to keep the last TP-MR
    balance        TEXT,
    balance_at     INTEGER,
    balance_problem TEXT,
    test_token     TEXT,                          -- the last text to ourselves, to know it again by
    test_to        TEXT,                          -- our own number's last digits
    test_sent      INTEGER,
    test_took_ms   INTEGER,                       -- once it came back
    test_problem   TEXT                           -- or why it did not
) STRICT, WITHOUT ROWID;
