-- Of the changes that would do the same, one at most waits or is carried out. Where there are more, the one
-- that is carried out stays, else the oldest.

UPDATE mcp_changes
SET state = 'cancelled',
    finished_at = CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER),
    outcome = '{"error":null,"note":"the same was asked for more than once; another request for it was kept"}'
WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY identity ORDER BY CASE state WHEN 'executing' THEN 0 ELSE 1 END, created_at, id
        ) AS place
        FROM mcp_changes WHERE state IN ('pending', 'executing')
    ) AS active WHERE place > 1
);

CREATE UNIQUE INDEX mcp_changes_active ON mcp_changes (identity) WHERE state IN ('pending', 'executing');

UPDATE mcp_meta SET version = 3;
