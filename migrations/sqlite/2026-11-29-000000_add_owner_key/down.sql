-- Refuses as up.sql does where the application has added something.
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
  'id', 'owner_type', 'owner_id', 'owner_key', 'key', 'count', 'claim_seq', 'created_at', 'updated_at'
);

DROP TABLE temp."counter_added";

CREATE TEMP TABLE "counter_rows" AS SELECT * FROM "model_counters";

DROP TABLE "model_counters";

CREATE TABLE "model_counters" (
  "id" INTEGER NOT NULL PRIMARY KEY,
  "owner_type" VARCHAR(255) NOT NULL,
  "owner_id" BIGINT NOT NULL,
  "key" VARCHAR(100) NOT NULL,
  "count" BIGINT NOT NULL DEFAULT 0 CHECK (typeof("count") = 'integer'),
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  "created_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE ("owner_type", "owner_id", "key")
);

-- Refuses where an owner's id is a text, by the NOT NULL: without the column it would be the
-- integer 0.
INSERT INTO "model_counters" ("id", "owner_type", "owner_id", "key", "count", "claim_seq", "created_at", "updated_at")
SELECT "id", "owner_type", CASE "owner_key" WHEN '' THEN "owner_id" END, "key", "count", "claim_seq", "created_at", "updated_at"
FROM temp."counter_rows";

DROP TABLE temp."counter_rows";
