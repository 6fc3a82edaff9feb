-- Exports under way: what is to be read, never a copy of it. The owner is a client's id.

CREATE TABLE job (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    until bigint NOT NULL,
    body bytea NOT NULL -- sealed
);

CREATE INDEX job_owner ON job (owner, until);
CREATE INDEX job_until ON job (until);
