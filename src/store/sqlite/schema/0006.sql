-- Who wants to hear of changes, one row each; what was asked, how far it is and whose it is stand in the
-- body. The owner is a client's id.

CREATE TABLE subscription (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    version INTEGER NOT NULL, -- whoever writes it names the one it read
    state INTEGER NOT NULL,
    due INTEGER NOT NULL, -- its turn comes then, whatever changes
    ready INTEGER NOT NULL, -- 1: its turn comes as soon as it is touched, too
    touched INTEGER NOT NULL, -- counts changes to the people it is about
    looked INTEGER NOT NULL, -- up to which of them was looked at
    body BLOB NOT NULL -- sealed
) STRICT;

CREATE INDEX subscription_owner ON subscription (owner);
CREATE INDEX subscription_due ON subscription (due);
CREATE INDEX subscription_touched ON subscription (id) WHERE ready = 1 AND touched > looked;

-- Whom a subscription is about, whether anything is held of them or not.
CREATE TABLE subscription_person (
    patient TEXT NOT NULL,
    subscription TEXT NOT NULL REFERENCES subscription (id),
    PRIMARY KEY (patient, subscription)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscription_person_of ON subscription_person (subscription);
