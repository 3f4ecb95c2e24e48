-- The spool, version 9: what outlives a transcript is counted in one place, `statistic`.

DROP TABLE past_message;
DROP TABLE past_conversation;
