-- Exports under way: what is to be read, never a copy of it. The owner is a client's id.

CREATE TABLE job (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until INTEGER NOT NULL,
    body BLOB NOT NULL -- sealed
) STRICT, WITHOUT ROWID;

CREATE INDEX job_owner ON job (owner, until);
CREATE INDEX job_until ON job (until);
