-- The settings that all processes have: a number that only grows, and a keyed digest of what they say.

ALTER TABLE gateway
    ADD COLUMN settings bigint NOT NULL DEFAULT 0,
    ADD COLUMN settings_mark bytea NOT NULL DEFAULT '';
