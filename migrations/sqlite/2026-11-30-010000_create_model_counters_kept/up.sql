-- Since when the buckets of a key are kept, by grain: what was counted before is not in them, or
-- was removed. Text compares byte for byte: SQLite's default collation does.
CREATE TABLE "model_counters_kept" (
  "owner_type" VARCHAR(255) NOT NULL,
  "key" VARCHAR(100) NOT NULL,
  -- hour, day, week, month, quarter or year.
  "grain" VARCHAR(10) NOT NULL,
  -- The start of the first period that is kept, by the calendar and without a zone. NULL: all are.
  "since" TIMESTAMP,
  -- Empty in the row of buckets that are counted themselves, and 'gauge' if they are readings. Each
  -- grain whose old buckets are added up into these has a row of its own, with its word here.
  "rolled_from" VARCHAR(10) NOT NULL DEFAULT '',
  -- Buckets of that grain are added up if they start before this. NULL: none are. In the row of
  -- buckets that are counted themselves: since when, even if "since" has moved on.
  "rolled_until" TIMESTAMP,
  -- Later ones stay if they start before this, because these lack them. NULL: none do.
  "kept_until" TIMESTAMP,
  -- When "rolled_until" was written last, UTC.
  "noted_at" TIMESTAMP,
  PRIMARY KEY ("owner_type", "key", "grain", "rolled_from")
) WITHOUT ROWID;

-- Of what was counted before nothing is known, so reads of it stay as they were.
INSERT INTO "model_counters_kept" ("owner_type", "key", "grain", "rolled_until")
SELECT DISTINCT "owner_type", "key", "grain", '1000-01-01 00:00:00' FROM "model_counters_periods";
