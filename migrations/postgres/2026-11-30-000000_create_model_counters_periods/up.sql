-- One row for each bucket: what a counter counted in one period. Text compares byte for byte,
-- whatever the database's collation.
CREATE TABLE "model_counters_periods" (
  "owner_type" VARCHAR(255) COLLATE "C" NOT NULL,
  "owner_id" BIGINT NOT NULL,
  "owner_key" VARCHAR(255) COLLATE "C" NOT NULL DEFAULT '',
  "key" VARCHAR(100) COLLATE "C" NOT NULL,
  -- hour, day, week, month, quarter or year.
  "grain" VARCHAR(10) COLLATE "C" NOT NULL,
  -- The first instant of the period by the calendar, without a zone.
  "starts_at" TIMESTAMP NOT NULL,
  -- Signed. No index has it or the columns below, so that a sync's updates stay on their page
  -- (HOT).
  "count" BIGINT NOT NULL DEFAULT 0,
  -- The sequence of the last claim that was applied to this row.
  "claim_seq" BIGINT NOT NULL DEFAULT 0,
  "updated_at" TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
  PRIMARY KEY ("owner_type", "owner_id", "owner_key", "key", "grain", "starts_at")
)
-- Room on each page for the new versions of its rows.
WITH (fillfactor = 70);
