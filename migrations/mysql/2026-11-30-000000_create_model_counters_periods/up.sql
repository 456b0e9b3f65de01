-- MySQL commits after each of these, so every statement is one that may be run again: a migration
-- that was cut short is finished by the next.

-- The row format is said, because the key does not fit the COMPACT one, which a server may have as
-- its default.

-- One row for each bucket: what a counter counted in one period. Text compares byte for byte:
-- without case, accents or padding. The collation that does has another name in MariaDB than in
-- MySQL.
CREATE TABLE IF NOT EXISTS `model_counters_periods` (
  `owner_type` VARCHAR(255) NOT NULL,
  `owner_id` BIGINT NOT NULL,
  `owner_key` VARCHAR(255) NOT NULL DEFAULT '',
  `key` VARCHAR(100) NOT NULL,
  -- hour, day, week, month, quarter or year.
  `grain` VARCHAR(10) NOT NULL,
  -- The first instant of the period by the calendar, without a zone.
  `starts_at` DATETIME NOT NULL,
  -- Signed. A sum that does not fit is an error, whatever the sql_mode.
  `count` BIGINT NOT NULL DEFAULT 0,
  -- The sequence of the last claim that was applied to this row.
  `claim_seq` BIGINT NOT NULL DEFAULT 0,
  `updated_at` DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  PRIMARY KEY (`owner_type`, `owner_id`, `owner_key`, `key`, `grain`, `starts_at`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */;

-- A table that was there already, and is not this one, is refused here.
SELECT `owner_type`, `owner_id`, `owner_key`, `key`, `grain`, `starts_at`, `count`, `claim_seq`, `updated_at`
FROM `model_counters_periods` LIMIT 0;
