-- Until when a line's allowance of texts is used up; null while there is some.
ALTER TABLE standing ADD COLUMN used_until INTEGER;
