-- Changes that are asked for and decided on, the ledger, and the role that a token's bearer has in the house.
-- Times are milliseconds since 1970.

ALTER TABLE mcp_tokens ADD COLUMN actor_role TEXT;

CREATE TABLE mcp_changes (
    id TEXT PRIMARY KEY,
    identity TEXT NOT NULL,
    state TEXT NOT NULL,
    action TEXT NOT NULL,
    backend_id TEXT NOT NULL,
    locator TEXT NOT NULL,
    scope TEXT,
    name TEXT NOT NULL,
    entry TEXT,
    replaces TEXT,
    difference TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    actor_role TEXT NOT NULL,
    approval_reason TEXT NOT NULL,
    source TEXT NOT NULL,
    mode TEXT NOT NULL,
    priority INTEGER NOT NULL,
    scheduled_at INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_by TEXT,
    decision_reason TEXT,
    decided_at INTEGER,
    executor TEXT,
    finished_at INTEGER,
    outcome TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX mcp_changes_by_state ON mcp_changes (state, created_at);

-- A row's body is the line that it is exported as; its hash is over that and the hash before it.
CREATE TABLE mcp_ledger (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- The last row's number and hash, in one row that writers queue at: numbers have no gap.
CREATE TABLE mcp_ledger_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO mcp_ledger_head (id, seq, hash)
VALUES (1, 0, 'sha256:0000000000000000000000000000000000000000000000000000000000000000');

UPDATE mcp_meta SET version = 2;
