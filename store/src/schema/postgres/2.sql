-- Changes that are asked for and decided on, the ledger, and the role that a token's bearer has in the house.
-- Times are milliseconds since 1970.

ALTER TABLE mcp_tokens ADD COLUMN actor_role TEXT;

CREATE TABLE mcp_changes (
    id TEXT COLLATE "C" PRIMARY KEY,
    identity TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    action TEXT NOT NULL,
    backend_id TEXT NOT NULL,
    locator TEXT NOT NULL,
    scope TEXT COLLATE "C",
    name TEXT COLLATE "C" NOT NULL,
    entry TEXT,
    replaces TEXT,
    difference TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    actor_role TEXT NOT NULL,
    approval_reason TEXT NOT NULL,
    source TEXT NOT NULL,
    mode TEXT NOT NULL,
    priority BIGINT NOT NULL,
    scheduled_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    decided_by TEXT,
    decision_reason TEXT,
    decided_at BIGINT,
    executor TEXT,
    finished_at BIGINT,
    outcome TEXT
);
CREATE INDEX mcp_changes_by_state ON mcp_changes (state, created_at);

-- A row's body is the line that it is exported as; its hash is over that and the hash before it.
CREATE TABLE mcp_ledger (
    seq BIGINT PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- The last row's number and hash, in one row that writers queue at: numbers have no gap.
CREATE TABLE mcp_ledger_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO mcp_ledger_head (id, seq, hash)
VALUES (1, 0, 'sha256:0000000000000000000000000000000000000000000000000000000000000000');

UPDATE mcp_meta SET version = 2;
