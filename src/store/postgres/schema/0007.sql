-- Places of the tree in runs: records that follow one another in a chain mostly do so in the tree too. What
-- was a row for each record, and an entry in two indexes, is one for some thousand.

ALTER TABLE audit_place RENAME TO audit_place_each;

CREATE TABLE audit_place (
    place bigint PRIMARY KEY CHECK (place >= 0), -- of the first
    chain text COLLATE "C" NOT NULL,
    number bigint NOT NULL, -- of the first
    count bigint NOT NULL CHECK (count > 0),
    UNIQUE (chain, number)
);

INSERT INTO audit_place (place, chain, number, count)
SELECT min(place), chain, min(number), count(*)
FROM audit_place_each GROUP BY chain, place - number;

DROP TABLE audit_place_each;
