-- Access tokens that were revoked before their time. Places are not used twice.

CREATE TABLE revoked (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32), -- SHA-256 of the token's name
    until INTEGER NOT NULL
) STRICT;

CREATE INDEX revoked_until ON revoked (until);
