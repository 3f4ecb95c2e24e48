-- The spool, version 15: conversations that are over, those in which somebody wrote last first.

CREATE INDEX conversation_past ON conversation(active) WHERE state = 'closed';
