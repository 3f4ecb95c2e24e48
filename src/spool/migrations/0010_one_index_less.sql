-- The spool, version 10: the attempt in doubt that the SIM is asked about is the line's latest, which
-- `segment_attempted` finds.

DROP INDEX segment_hint;
