-- Records of the audit log in batches: what was a row for each record, and an entry in two indexes, is one
-- row for all that a process made durable together.

-- No CHECK stands here: the server would read and plan each anew for every row. Whoever verifies the log
-- compares every column with the records.
CREATE TABLE audit_batch (
    chain text COLLATE "C" NOT NULL,
    number bigint NOT NULL, -- of the first record: 1, 2, 3, ... in each chain
    link bytea NOT NULL, -- of the last, 32 bytes: keyed hash of the link before, and it
    leaves bytea NOT NULL, -- of the records, 32 bytes each
    -- Whose key seals each record: the first eight bytes of SHA-256 of a Patient's id, 0 for the node.
    people bigint[] NOT NULL,
    ends bigint[] NOT NULL, -- where each record ends in `frames`
    frames bytea NOT NULL, -- the sealed records; leaf and id stand in each too
    PRIMARY KEY (chain, number)
);

ALTER TABLE audit_batch ALTER COLUMN frames SET STORAGE EXTERNAL;

-- Neighbours without a gap, of at most 32.
INSERT INTO audit_batch (chain, number, link, leaves, people, ends, frames)
SELECT chain, min(number), (array_agg(link ORDER BY number DESC))[1],
    string_agg(leaf, ''::bytea ORDER BY number), array_agg(person ORDER BY number),
    array_agg(upto ORDER BY number), string_agg(frame, ''::bytea ORDER BY number)
FROM (
    SELECT *, sum(length(frame)) OVER (PARTITION BY chain, lacking, part ORDER BY number) AS upto
    FROM (
        SELECT chain, number, link, leaf, frame, (number - 1) / 32 AS part,
            number - row_number() OVER (PARTITION BY chain ORDER BY number) AS lacking,
            CASE key_id WHEN 'node' THEN 0
            ELSE ('x' || encode(substr(sha256(convert_to(key_id, 'UTF8')), 1, 8), 'hex'))
                ::bit(64)::bigint END AS person
        FROM audit_record
    ) AS each
) AS summed
GROUP BY chain, lacking, part;

DROP TABLE audit_record;

-- Who was told what of a person. What is added waits in a list that is put in order when it is as long as
-- this (kB), so that nobody who adds waits long for that.
CREATE INDEX audit_batch_people ON audit_batch USING gin (people) WITH (gin_pending_list_limit = 256);
