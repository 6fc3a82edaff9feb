-- The audit log of all processes of the gateway. Rows of it are only ever added: records by those who
-- answer, places by whoever puts them in the tree, checkpoints by whoever signs it.

-- One for each data directory that has been used, and `writes`.
CREATE TABLE audit_chain (
    name text COLLATE "C" PRIMARY KEY,
    placed bigint NOT NULL DEFAULT 0 -- up to this number its records are in the tree
);

-- What is in the transactions of commits becomes a record of this chain.
INSERT INTO audit_chain (name) VALUES ('writes');

CREATE TABLE audit_record (
    chain text COLLATE "C" NOT NULL,
    number bigint NOT NULL CHECK (number > 0), -- 1, 2, 3, ... in each chain
    link bytea NOT NULL CHECK (length(link) = 32), -- keyed hash of the link before and this row
    leaf bytea NOT NULL CHECK (length(leaf) = 32),
    key_id text COLLATE "C" NOT NULL, -- whose key seals it: a Patient's id, or `node`
    frame bytea NOT NULL, -- sealed; leaf and key_id stand in it too
    PRIMARY KEY (chain, number)
);

ALTER TABLE audit_record ALTER COLUMN frame SET STORAGE EXTERNAL;

-- Who was told what of a person.
CREATE INDEX audit_record_person ON audit_record (key_id, chain, number) WHERE key_id <> 'node';

-- Where a record stands in the tree.
CREATE TABLE audit_place (
    place bigint PRIMARY KEY CHECK (place >= 0),
    chain text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    UNIQUE (chain, number)
);

-- Whoever makes it grow names the size it had, so of two at once one begins anew.
CREATE TABLE audit_tree (
    one integer PRIMARY KEY CHECK (one = 1),
    size bigint NOT NULL,
    peaks bytea NOT NULL -- roots of the full subtrees, largest first, 32 bytes each
);

INSERT INTO audit_tree (one, size, peaks) VALUES (1, 0, '');

CREATE TABLE audit_checkpoint (
    size bigint PRIMARY KEY,
    note text NOT NULL -- signed
);

-- Any process brings a commit's record into the log, whoever made it.
ALTER TABLE audit_pending DROP COLUMN keeper, DROP COLUMN since;
