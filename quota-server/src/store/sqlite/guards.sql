-- What is for good is kept so by SQLite itself, against a hand that means well.

CREATE TRIGGER epochs_stay BEFORE UPDATE ON epochs
BEGIN SELECT raise(ABORT, 'an epoch is never changed'); END;

CREATE TRIGGER epochs_last BEFORE DELETE ON epochs
BEGIN SELECT raise(ABORT, 'an epoch is never forgotten'); END;

CREATE TRIGGER seals_stay BEFORE UPDATE ON seals
BEGIN SELECT raise(ABORT, 'a seal is never changed'); END;

CREATE TRIGGER seals_last BEFORE DELETE ON seals
BEGIN SELECT raise(ABORT, 'a seal is never broken'); END;
