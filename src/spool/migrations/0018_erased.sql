-- Which conversations were erased, by their numbers alone, which are never given twice: copies that were
-- made before forget them as well.
CREATE TABLE erased (
    conversation INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    forgotten    INTEGER NOT NULL DEFAULT 0       -- at the patron's wish: everything of the number's
) STRICT;
