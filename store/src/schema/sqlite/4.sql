-- Agents that report that they are alive, what their scopes require, and whose reports a token may send.
-- Times and lengths of time are milliseconds. The clock is the database's.

ALTER TABLE mcp_tokens ADD COLUMN agent TEXT;

-- The last report of each. "tools" are those that are known, a line each, with a line's end before the first too;
-- NULL where they are not known. "timeout" is how long the report stands.
CREATE TABLE mcp_agents (
    scope TEXT NOT NULL,
    id TEXT NOT NULL,
    runtime TEXT NOT NULL,
    present INTEGER CHECK (present IN (0, 1)),
    ready INTEGER CHECK (ready IN (0, 1)),
    tools TEXT,
    refused INTEGER NOT NULL CHECK (refused IN (0, 1)),
    timeout INTEGER NOT NULL,
    registered INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
    seen INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE mcp_requirements (
    scope TEXT NOT NULL,
    server TEXT NOT NULL,
    tool TEXT,
    PRIMARY KEY (scope, server)
) STRICT, WITHOUT ROWID;

-- In which state each agent is now (rule C40). A report from a time that has yet to come is no better than an old
-- one: the clock was set back.
CREATE VIEW mcp_agent_states AS
SELECT scope, id, runtime, present, ready, timeout, registered, seen, refused,
    CASE
        WHEN abs((CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)) - seen) > timeout THEN 'offline'
        WHEN refused = 1 THEN 'failed'
        WHEN COALESCE(present, 0) = 0
            AND EXISTS (SELECT 1 FROM mcp_requirements AS r WHERE r.scope = mcp_agents.scope) THEN 'failed'
        WHEN tools IS NOT NULL AND EXISTS (
            SELECT 1 FROM mcp_requirements AS r
            WHERE r.scope = mcp_agents.scope AND instr(tools, char(10) || r.tool || char(10)) = 0
        ) THEN 'degraded'
        ELSE 'online'
    END AS state
FROM mcp_agents;

UPDATE mcp_meta SET version = 4;
