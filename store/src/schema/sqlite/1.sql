-- One schema in two dialects: what stands here stands in postgres/ too, and the queries are the same.
-- Names compare by their bytes. The clock is the database's.

CREATE TABLE mcp_meta (version INTEGER NOT NULL) STRICT;
INSERT INTO mcp_meta (version) VALUES (1);

-- A scope's row is what its writers queue at. A revision is a random word: no two contents share one,
-- not even those of a database and of a backup of it that went another way.
CREATE TABLE mcp_scopes (
    scope TEXT PRIMARY KEY,
    revision TEXT NOT NULL,
    audit_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mcp_entries (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE mcp_audit (
    scope TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
    actor TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    name TEXT NOT NULL,
    digest_before TEXT,
    digest_after TEXT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (scope, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE mcp_tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)),
    expires INTEGER,
    revoked INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mcp_tokens_in_force ON mcp_tokens (name) WHERE revoked IS NULL;

-- The revision follows every change of an entry, also one made by hand.
CREATE TRIGGER mcp_entries_inserted AFTER INSERT ON mcp_entries BEGIN
    INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES (NEW.scope, lower(hex(randomblob(16))), 0)
    ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision;
END;
CREATE TRIGGER mcp_entries_deleted AFTER DELETE ON mcp_entries BEGIN
    INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES (OLD.scope, lower(hex(randomblob(16))), 0)
    ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision;
END;
CREATE TRIGGER mcp_entries_updated AFTER UPDATE ON mcp_entries
WHEN (OLD.scope, OLD.name, OLD.spec, OLD.digest) IS NOT (NEW.scope, NEW.name, NEW.spec, NEW.digest) BEGIN
    INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES (OLD.scope, lower(hex(randomblob(16))), 0)
    ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision;
    INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES (NEW.scope, lower(hex(randomblob(16))), 0)
    ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision;
END;
