-- The spool, version 11: when the service centre took a segment (TP-SCTS), as the report that settled
-- it says, so that the same report is known when the network sends it once more.

ALTER TABLE segment ADD COLUMN taken INTEGER;
