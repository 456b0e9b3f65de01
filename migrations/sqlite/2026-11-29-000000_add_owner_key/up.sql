-- Owners whose id is a text have it in owner_key, and 0 as owner_id. All others have the empty
-- text. SQLite changes no UNIQUE of a table, so the table is made anew.

-- What the application has added to the table would be gone, and by a foreign key its own rows. So
-- this refuses where there is such a thing, before anything is changed.
CREATE TEMP TABLE "counter_added" (
  "number" INTEGER NOT NULL,
  CONSTRAINT "the table has columns, indexes, triggers or foreign keys of the application: drop them, migrate, and make them again"
    CHECK ("number" = 0)
);

INSERT INTO temp."counter_added"
SELECT COUNT(*) FROM main.sqlite_master AS m
LEFT JOIN pragma_foreign_key_list(CASE m."type" WHEN 'table' THEN m."name" END) AS f
WHERE '"model_counters"' COLLATE NOCASE IN (
  SELECT "schema" || '"' || replace(
    CASE m."type" WHEN 'table' THEN f."table" WHEN 'view' THEN NULL ELSE m."tbl_name" END, '"', '""'
  ) || '"'
  FROM (SELECT '' AS "schema" UNION ALL SELECT '"main".')
) AND (m."sql" IS NOT NULL);

INSERT INTO temp."counter_added"
SELECT COUNT(*) FROM main.sqlite_master AS m
JOIN pragma_table_xinfo(m."name") AS c
WHERE m."type" = 'table' AND '"model_counters"' COLLATE NOCASE IN (
  SELECT "schema" || '"' || replace(m."name", '"', '""') || '"'
  FROM (SELECT '' AS "schema" UNION ALL SELECT '"main".')
) AND c."name" COLLATE NOCASE NOT IN (
  'id', 'owner_type', 'owner_id', 'key', 'count', 'claim_seq', 'created_at', 'updated_at'
);

DROP TABLE temp."counter_added";

CREATE TEMP TABLE "counter_rows" AS SELECT * FROM "model_counters";

DROP TABLE "model_counters";

-- One row for each counter. Text compares byte for byte: SQLite's default collation does.
CREATE TABLE "model_counters" (
  "id" INTEGER NOT NULL PRIMARY KEY,
  "owner_type" VARCHAR(255) NOT NULL,
  "owner_id" BIGINT NOT NULL,
  "owner_key" VARCHAR(255) NOT NULL DEFAULT '',
  "key" VARCHAR(100) NOT NULL,
  -- Signed. The check is against overflow: SQLite turns a sum that does not fit into a REAL.
  "count" BIGINT NOT NULL DEFAULT 0 CHECK (typeof("count") = 'integer'),
  -- The sequence of the last claim that was applied to this row.
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  "created_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE ("owner_type", "owner_id", "owner_key", "key")
);

INSERT INTO "model_counters" ("id", "owner_type", "owner_id", "key", "count", "claim_seq", "created_at", "updated_at")
SELECT "id", "owner_type", "owner_id", "key", "count", "claim_seq", "created_at", "updated_at" FROM temp."counter_rows";

DROP TABLE temp."counter_rows";
