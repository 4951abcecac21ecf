-- Agents that report that they are alive, what their scopes require, and whose reports a token may send.
-- Times and lengths of time are milliseconds. The clock is the database's.

ALTER TABLE mcp_tokens ADD COLUMN agent TEXT;

-- The last report of each. "tools" are those that are known, a line each, with a line's end before the first too;
-- NULL where they are not known. "timeout" is how long the report stands.
CREATE TABLE mcp_agents (
    scope TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    runtime TEXT NOT NULL,
    present BIGINT CHECK (present IN (0, 1)),
    ready BIGINT CHECK (ready IN (0, 1)),
    tools TEXT,
    refused BIGINT NOT NULL CHECK (refused IN (0, 1)),
    timeout BIGINT NOT NULL,
    registered BIGINT NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT,
    seen BIGINT NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT,
    PRIMARY KEY (scope, id)
) WITH (fillfactor = 50);

CREATE TABLE mcp_requirements (
    scope TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C" NOT NULL,
    tool TEXT,
    PRIMARY KEY (scope, server)
);

-- In which state each agent is now (rule C40). A report from a time that has yet to come is no better than an old
-- one: the clock was set back.
CREATE VIEW mcp_agent_states AS
SELECT scope, id, runtime, present, ready, timeout, registered, seen, refused,
    CASE
        WHEN abs((extract(epoch FROM clock_timestamp()) * 1000)::BIGINT - seen) > timeout THEN 'offline'
        WHEN refused = 1 THEN 'failed'
        WHEN COALESCE(present, 0) = 0
            AND EXISTS (SELECT 1 FROM mcp_requirements AS r WHERE r.scope = mcp_agents.scope) THEN 'failed'
        WHEN tools IS NOT NULL AND EXISTS (
            SELECT 1 FROM mcp_requirements AS r
            WHERE r.scope = mcp_agents.scope AND strpos(tools, chr(10) || r.tool || chr(10)) = 0
        ) THEN 'degraded'
        ELSE 'online'
    END AS state
FROM mcp_agents;

UPDATE mcp_meta SET version = 4;
