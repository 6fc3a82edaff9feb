-- Whom the data of a person are about beside them, as the owner of the data calls them, so that it is found
-- from each. Nothing is taken out: what is not about somebody any more is in the history.

CREATE TABLE naming (
    owner text COLLATE "C" NOT NULL,
    local_id text COLLATE "C" NOT NULL,
    person bigint NOT NULL REFERENCES person (row), -- whose data name them
    PRIMARY KEY (owner, local_id, person)
);
