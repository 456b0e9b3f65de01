-- MySQL commits after each of these, so every statement is one that may be run again: a migration
-- that was cut short is finished by the next.

-- Since when the buckets of a key are kept, by grain: what was counted before is not in them, or
-- was removed. Text compares byte for byte: without case, accents or padding. The collation that
-- does has another name in MariaDB than in MySQL.
CREATE TABLE IF NOT EXISTS `model_counters_kept` (
  `owner_type` VARCHAR(255) NOT NULL,
  `key` VARCHAR(100) NOT NULL,
  -- hour, day, week, month, quarter or year.
  `grain` VARCHAR(10) NOT NULL,
  -- The start of the first period that is kept, by the calendar and without a zone. NULL: all are.
  `since` DATETIME NULL,
  -- Empty in the row of buckets that are counted themselves, and 'gauge' if they are readings. Each
  -- grain whose old buckets are added up into these has a row of its own, with its word here.
  `rolled_from` VARCHAR(10) NOT NULL DEFAULT '',
  -- Buckets of that grain are added up if they start before this. NULL: none are. In the row of
  -- buckets that are counted themselves: since when, even if `since` has moved on.
  `rolled_until` DATETIME NULL,
  -- Later ones stay if they start before this, because these lack them. NULL: none do.
  `kept_until` DATETIME NULL,
  -- When `rolled_until` was written last, UTC.
  `noted_at` DATETIME NULL,
  PRIMARY KEY (`owner_type`, `key`, `grain`, `rolled_from`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */;

-- A table that was there already, and is not this one, is refused here.
SELECT `owner_type`, `key`, `grain`, `since`, `rolled_from`, `rolled_until`,
  `kept_until`, `noted_at`
FROM `model_counters_kept` LIMIT 0;

-- Of what was counted before nothing is known, so reads of it stay as they were, whatever a sync
-- has decided since the table is there.
INSERT INTO `model_counters_kept` (`owner_type`, `key`, `grain`, `rolled_until`)
SELECT DISTINCT `owner_type`, `key`, `grain`, '1000-01-01 00:00:00' FROM `model_counters_periods`
ON DUPLICATE KEY UPDATE `since` = NULL;
