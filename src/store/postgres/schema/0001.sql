-- One gateway's own store, for several processes. Sealed columns hold AES-256-GCM bound to their
-- row; times are milliseconds since 1970. Ids of people and documents are random and say nothing.

CREATE TABLE gateway (
    one integer PRIMARY KEY CHECK (one = 1),
    code text NOT NULL,
    probe bytea NOT NULL, -- sealed: tells the wrong master key at start-up
    -- What is added to a transaction's id to make the place of its change: 0 until a dump is
    -- restored into another cluster, whose transactions count from elsewhere.
    ahead bigint NOT NULL
);

CREATE TABLE person (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient text COLLATE "C" NOT NULL UNIQUE,
    identity bytea UNIQUE CHECK (length(identity) = 32), -- keyed HMAC of the identity code
    version bigint NOT NULL,
    changed bigint NOT NULL,
    audit_key bytea NOT NULL -- sealed
);

-- The walk over people reads this and nothing else. Some room in each page lets most changes of a
-- person stay on it.
CREATE INDEX person_walk ON person (patient) INCLUDE (version, changed) WITH (fillfactor = 80);

CREATE TABLE document (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    person bigint NOT NULL REFERENCES person (row),
    kind bigint NOT NULL,
    owner text COLLATE "C" NOT NULL,
    local_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    recorded bigint NOT NULL,
    parts bytea NOT NULL, -- sealed
    body bytea NOT NULL, -- sealed
    UNIQUE (owner, kind, local_id)
);

CREATE INDEX document_person ON document (person, kind);

-- Versions that have a successor.
CREATE TABLE document_version (
    document bigint NOT NULL REFERENCES document (row),
    version bigint NOT NULL,
    recorded bigint NOT NULL,
    parts bytea NOT NULL, -- sealed
    body bytea NOT NULL, -- sealed
    PRIMARY KEY (document, version)
);

-- What is sealed does not shrink: trying costs time and gives nothing.
ALTER TABLE document ALTER COLUMN parts SET STORAGE EXTERNAL;
ALTER TABLE document ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE document_version ALTER COLUMN parts SET STORAGE EXTERNAL;
ALTER TABLE document_version ALTER COLUMN body SET STORAGE EXTERNAL;

-- A commit is one transaction and one change, so the transaction's id is the change's place.
CREATE TABLE change (
    sequence bigint PRIMARY KEY,
    person bigint NOT NULL REFERENCES person (row),
    at bigint NOT NULL
);

-- Ids are not used twice: one that was appended to the log must never name another record.
CREATE TABLE audit_pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    keeper text COLLATE "C" NOT NULL, -- the data directory whose log it belongs into
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    record bytea NOT NULL -- sealed by the log
);

CREATE TABLE spent (
    value bytea PRIMARY KEY CHECK (length(value) = 32),
    until bigint NOT NULL
);

CREATE INDEX spent_until ON spent (until);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    peer text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    body bytea NOT NULL, -- sealed
    UNIQUE (peer, key)
);
