-- What people permit apps, for as long as the apps get tokens by it; who gave it is a keyed HMAC.

CREATE TABLE permission (
    name bytea PRIMARY KEY CHECK (length(name) = 32), -- under what it is revoked
    giver bytea CHECK (length(giver) = 32),
    patient text COLLATE "C" NOT NULL,
    until bigint NOT NULL,
    used bigint NOT NULL,
    body bytea NOT NULL -- sealed
);

CREATE INDEX permission_giver ON permission (giver);
CREATE INDEX permission_patient ON permission (patient);
CREATE INDEX permission_until ON permission (until);
