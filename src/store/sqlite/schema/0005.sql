-- What people permit apps, for as long as the apps get tokens by it; who gave it is a keyed HMAC.

CREATE TABLE permission (
    name BLOB PRIMARY KEY CHECK (length(name) = 32), -- under what it is revoked
    giver BLOB CHECK (length(giver) = 32),
    patient TEXT NOT NULL,
    until INTEGER NOT NULL,
    used INTEGER NOT NULL,
    body BLOB NOT NULL -- sealed
) STRICT, WITHOUT ROWID;

CREATE INDEX permission_giver ON permission (giver);
CREATE INDEX permission_patient ON permission (patient);
CREATE INDEX permission_until ON permission (until);
