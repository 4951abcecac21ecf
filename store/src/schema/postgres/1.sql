-- One schema in two dialects: what stands here stands in sqlite/ too, and the queries are the same.
-- Names compare by their bytes. The clock is the database's.

CREATE TABLE mcp_meta (version BIGINT NOT NULL);
INSERT INTO mcp_meta (version) VALUES (1);

-- A scope's row is what its writers queue at. A revision is a random word: no two contents share one,
-- not even those of a database and of a backup of it that went another way.
CREATE TABLE mcp_scopes (
    scope TEXT COLLATE "C" PRIMARY KEY,
    revision TEXT NOT NULL,
    audit_seq BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE mcp_entries (
    scope TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    spec TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (scope, name)
);

CREATE TABLE mcp_audit (
    scope TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT,
    actor TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    name TEXT NOT NULL,
    digest_before TEXT,
    digest_after TEXT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (scope, seq)
);

CREATE TABLE mcp_tokens (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    role TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created BIGINT NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT,
    expires BIGINT,
    revoked BIGINT
);
CREATE UNIQUE INDEX mcp_tokens_in_force ON mcp_tokens (name) WHERE revoked IS NULL;

-- The revision follows every change of an entry, also one made by hand.
CREATE FUNCTION mcp_entries_changed() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE mcp_scopes SET revision = gen_random_uuid()::TEXT;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES (OLD.scope, gen_random_uuid()::TEXT, 0)
        ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO mcp_scopes (scope, revision, audit_seq) VALUES (NEW.scope, gen_random_uuid()::TEXT, 0)
        ON CONFLICT (scope) DO UPDATE SET revision = excluded.revision;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER mcp_entries_written AFTER INSERT OR DELETE ON mcp_entries
    FOR EACH ROW EXECUTE FUNCTION mcp_entries_changed();
CREATE TRIGGER mcp_entries_updated AFTER UPDATE ON mcp_entries
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION mcp_entries_changed();
CREATE TRIGGER mcp_entries_truncated AFTER TRUNCATE ON mcp_entries
    FOR EACH STATEMENT EXECUTE FUNCTION mcp_entries_changed();
