-- Who wants to hear of changes, one row each; what was asked, how far it is and whose it is stand in the
-- body. The owner is a client's id.

CREATE TABLE subscription (
    id text COLLATE "C" PRIMARY KEY,
    owner text COLLATE "C" NOT NULL,
    version bigint NOT NULL, -- whoever writes it names the one it read
    state bigint NOT NULL,
    due bigint NOT NULL, -- its turn comes then, whatever changes
    ready bigint NOT NULL, -- 1: its turn comes as soon as it is touched, too
    touched bigint NOT NULL, -- counts changes to the people it is about
    looked bigint NOT NULL, -- up to which of them was looked at
    body bytea NOT NULL -- sealed
);

ALTER TABLE subscription ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE INDEX subscription_owner ON subscription (owner);
CREATE INDEX subscription_due ON subscription (due);
CREATE INDEX subscription_touched ON subscription (id) WHERE ready = 1 AND touched > looked;

-- Whom a subscription is about, whether anything is held of them or not.
CREATE TABLE subscription_person (
    patient text COLLATE "C" NOT NULL,
    subscription text COLLATE "C" NOT NULL REFERENCES subscription (id),
    PRIMARY KEY (patient, subscription)
);

CREATE INDEX subscription_person_of ON subscription_person (subscription);
