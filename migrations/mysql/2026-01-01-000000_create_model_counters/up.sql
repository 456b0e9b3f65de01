-- MySQL commits after each of these, so every statement is one that may be run again: a migration that was
-- cut short is finished by the next.

-- The row format is said, because the unique index does not fit the COMPACT one, which a server may have as its default.

-- One row for each counter. Text compares byte for byte: without case, accents or padding. The collation
-- that does has another name in MariaDB than in MySQL.
CREATE TABLE IF NOT EXISTS `model_counters` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `owner_type` VARCHAR(255) NOT NULL,
  `owner_id` BIGINT NOT NULL,
  `key` VARCHAR(100) NOT NULL,
  -- Signed. A sum that does not fit is an error, whatever the sql_mode.
  `count` BIGINT NOT NULL DEFAULT 0,
  -- The sequence of the last claim that was applied to this row.
  `claim_seq` BIGINT NOT NULL DEFAULT 0,
  `created_at` DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  `updated_at` DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  UNIQUE `counter` (`owner_type`, `owner_id`, `key`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */;

-- What is known of the store behind each prefix. The row with the empty prefix names this database.
CREATE TABLE IF NOT EXISTS `model_counters_state` (
  `prefix` VARCHAR(100) NOT NULL PRIMARY KEY,
  `store_id` VARCHAR(64) NOT NULL,
  `claim_seq` BIGINT NOT NULL DEFAULT 0,
  `synced_at` DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */;

-- A table that was there already, and is not one of these, is refused here.
SELECT `id`, `owner_type`, `owner_id`, `key`, `count`, `claim_seq`, `created_at`, `updated_at` FROM `model_counters` LIMIT 0;

-- Not UUID(): a replica that executes statements would make another one. The seeds of RAND() are logged with the
-- statement, and so is the time.
INSERT IGNORE INTO `model_counters_state` (`prefix`, `store_id`)
VALUES ('', LEFT(SHA2(CONCAT_WS(' ', RAND(), RAND(), RAND(), RAND(), UTC_TIMESTAMP(6)), 256), 32));
