-- One row for each bucket: what a counter counted in one period. Text compares byte for byte:
-- SQLite's default collation does. The rows are in the order of their key, so a series is read in
-- one piece.
CREATE TABLE "model_counters_periods" (
  "owner_type" VARCHAR(255) NOT NULL,
  "owner_id" BIGINT NOT NULL,
  "owner_key" VARCHAR(255) NOT NULL DEFAULT '',
  "key" VARCHAR(100) NOT NULL,
  -- hour, day, week, month, quarter or year.
  "grain" VARCHAR(10) NOT NULL,
  -- The first instant of the period by the calendar, without a zone. One instant has one text.
  "starts_at" TIMESTAMP NOT NULL CHECK ("starts_at" = datetime("starts_at")),
  -- Signed. The check is against overflow: SQLite turns a sum that does not fit into a REAL.
  "count" BIGINT NOT NULL DEFAULT 0 CHECK (typeof("count") = 'integer'),
  -- The sequence of the last claim that was applied to this row.
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  "updated_at" TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY ("owner_type", "owner_id", "owner_key", "key", "grain", "starts_at")
) WITHOUT ROWID;
