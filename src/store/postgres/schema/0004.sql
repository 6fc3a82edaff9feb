-- Access tokens that were revoked before their time. The place is that of the transaction, as a
-- change's is, so whoever follows can tell from which on more may still appear.

CREATE TABLE revoked (
    token bytea PRIMARY KEY CHECK (length(token) = 32), -- SHA-256 of the token's name
    place bigint NOT NULL,
    until bigint NOT NULL
);

CREATE INDEX revoked_place ON revoked (place);
CREATE INDEX revoked_until ON revoked (until);
