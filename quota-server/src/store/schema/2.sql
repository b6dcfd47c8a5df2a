-- Version 2: which books a month is sealed without, by name and in order, a comma between them.
ALTER TABLE seals ADD COLUMN without TEXT NOT NULL DEFAULT '';
