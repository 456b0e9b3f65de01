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

-- What the stores behind each prefix are known to have given out. The row with the empty prefix and
-- the writer 0 names this database.
CREATE TABLE "model_counters_state" (
  "prefix" VARCHAR(100) NOT NULL,
  "store_id" VARCHAR(64) NOT NULL,
  -- 0 for passes. A transaction that writes counters takes another row.
  "writer" BIGINT NOT NULL DEFAULT 0,
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  -- The end of the last good pass behind this prefix, in the row of the store that it was over.
  "synced_at" TIMESTAMP,
  -- The marks of the last transactions that recorded in the row, by which the store knows this
  -- database again. In the row of passes: the identity that the server had at the first.
  "marks" TEXT NOT NULL DEFAULT '',
  -- Of the numbers of stores in memory, which are writers under the empty prefix: the random word
  -- of the store that holds the number, and of the last batch that was committed under it.
  "holder" BIGINT NOT NULL DEFAULT 0,
  "batch" BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY ("prefix", "store_id", "writer")
);

INSERT INTO "model_counters_state" ("prefix", "store_id", "synced_at")
VALUES ('', lower(hex(randomblob(16))), CURRENT_TIMESTAMP);
