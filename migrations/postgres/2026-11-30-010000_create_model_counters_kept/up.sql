-- Since when the buckets of a key are kept, by grain: what was counted before is not in them, or
-- was removed. Text compares byte for byte, whatever the database's collation.
CREATE TABLE "model_counters_kept" (
  "owner_type" VARCHAR(255) COLLATE "C" NOT NULL,
  "key" VARCHAR(100) COLLATE "C" NOT NULL,
  -- hour, day, week, month, quarter or year.
  "grain" VARCHAR(10) COLLATE "C" NOT NULL,
  -- The start of the first period that is kept, by the calendar and without a zone. NULL: all are.
  "since" TIMESTAMP,
  -- The grain whose old buckets are added up into these; empty where these are counted themselves.
  -- 'gauge' where they are the readings of a gauge.
  "rolled_from" VARCHAR(10) COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY ("owner_type", "key", "grain")
);

-- Of what was counted before nothing is known, so reads of it stay as they were.
INSERT INTO "model_counters_kept" ("owner_type", "key", "grain")
SELECT DISTINCT "owner_type", "key", "grain" FROM "model_counters_periods";
