-- Turns that one process of the gateway has at a time; each ends by itself, as a process can end
-- without giving it back. Instants are the server's own: processes' clocks differ.

CREATE TABLE turn (
    name text COLLATE "C" PRIMARY KEY,
    keeper text COLLATE "C" NOT NULL, -- the data directory of the process that has it
    until timestamptz NOT NULL
);
