-- One gateway's own store. Sealed columns hold AES-256-GCM bound to their row; times are
-- milliseconds since 1970. Ids of people and documents are random and say nothing.

CREATE TABLE gateway (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    code TEXT NOT NULL,
    probe BLOB NOT NULL -- sealed: tells the wrong master key at start-up
) STRICT;

CREATE TABLE person (
    row INTEGER PRIMARY KEY,
    patient TEXT NOT NULL UNIQUE,
    identity BLOB UNIQUE CHECK (length(identity) = 32), -- keyed HMAC of the identity code
    version INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    audit_key BLOB NOT NULL -- sealed
) STRICT;

-- The walk over people reads this and nothing else.
CREATE INDEX person_walk ON person (patient, version, changed);

CREATE TABLE document (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    person INTEGER NOT NULL REFERENCES person (row),
    kind INTEGER NOT NULL,
    owner TEXT NOT NULL,
    local_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    parts BLOB NOT NULL, -- sealed
    body BLOB NOT NULL, -- sealed
    UNIQUE (owner, kind, local_id)
) STRICT;

CREATE INDEX document_person ON document (person, kind);

-- Versions that have a successor. A rowid table: its rows are long.
CREATE TABLE document_version (
    row INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES document (row),
    version INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    parts BLOB NOT NULL, -- sealed
    body BLOB NOT NULL, -- sealed
    UNIQUE (document, version)
) STRICT;

CREATE TABLE change (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL REFERENCES person (row),
    at INTEGER NOT NULL
) STRICT;

-- Ids are not used twice: one that was appended to the log must never name another record.
CREATE TABLE audit_pending (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record BLOB NOT NULL -- sealed by the log
) STRICT;

CREATE TABLE spent (
    value BLOB PRIMARY KEY CHECK (length(value) = 32),
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_until ON spent (until);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    peer TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL, -- sealed
    UNIQUE (peer, key)
) STRICT;
