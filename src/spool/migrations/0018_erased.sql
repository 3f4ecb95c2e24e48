-- Which conversations were erased, by their numbers alone, which are never given twice: copies that were
-- made before forget them as well.
CREATE TABLE erased (
    conversation INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    forgotten    INTEGER NOT NULL DEFAULT 0       -- at the patron's wish: everything of the number's
) STRICT;

-- What was written down of one conversation, to take its patron's name out of it.
CREATE INDEX audit_of_conversation ON audit (conversation) WHERE conversation IS NOT NULL;
