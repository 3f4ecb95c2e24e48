-- The spool, version 12: in which conversations a file's link was said, so that the file goes with
-- them.

CREATE TABLE attached (
    secret       TEXT NOT NULL,                   -- the file's; it may be gone already
    conversation INTEGER NOT NULL REFERENCES conversation(id),
    PRIMARY KEY (secret, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX attached_conversation ON attached(conversation);

INSERT INTO attached (secret, conversation)
    SELECT DISTINCT a.secret, m.conversation
    FROM attachment a JOIN message m ON instr(m.body, '/f/' || a.secret) > 0;
