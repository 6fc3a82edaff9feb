-- Whom the data of a person are about beside them, as the owner of the data calls them, so that it is found
-- from each. Nothing is taken out: what is not about somebody any more is in the history.

CREATE TABLE naming (
    owner TEXT NOT NULL,
    local_id TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES person (row), -- whose data name them
    PRIMARY KEY (owner, local_id, person)
) STRICT, WITHOUT ROWID;
