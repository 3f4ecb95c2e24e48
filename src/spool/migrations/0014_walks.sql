-- What runs for every text, or by the clock, walks nothing that grows.

-- What is due, in the order in which it came.
DROP INDEX outbox_turn;
CREATE INDEX outbox_turn ON outbox(id) WHERE state = 'due';

-- Of a conversation that is erased.
CREATE INDEX outbox_thread ON outbox(conversation);

-- What is open, in the order in which it began.
DROP INDEX conversation_open;
CREATE INDEX conversation_open ON conversation(id) WHERE state <> 'closed';

CREATE INDEX visitor_seen ON visitor(seen);
CREATE INDEX shown_thread ON shown(conversation);
