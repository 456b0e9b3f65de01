-- One row for each counter. Text compares byte for byte: SQLite's default collation does.
CREATE TABLE "model_counters" (
  "id" INTEGER NOT NULL PRIMARY KEY,
  "owner_type" VARCHAR(255) NOT NULL,
  "owner_id" BIGINT NOT NULL,
  "key" VARCHAR(100) NOT NULL,
  -- Signed. The check is against overflow: SQLite turns a sum that does not fit into a REAL.
  "count" BIGINT NOT NULL DEFAULT 0 CHECK (typeof("count") = 'integer'),
  -- The sequence of the last claim that was applied to this row.
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  "created_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE ("owner_type", "owner_id", "key")
);

-- What is known of the store behind each prefix. The row with the empty prefix names this database.
CREATE TABLE "model_counters_state" (
  "prefix" VARCHAR(100) NOT NULL PRIMARY KEY,
  "store_id" VARCHAR(64) NOT NULL,
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  "synced_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO "model_counters_state" ("prefix", "store_id") VALUES ('', lower(hex(randomblob(16))));
