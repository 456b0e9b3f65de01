-- MySQL commits after each of these, so every statement is one that may be run again: a migration
-- that was cut short is finished by the next.

-- The row format is said, because the unique index does not fit the COMPACT one, which a server may
-- have as its default.

-- One row for each counter. Text compares byte for byte: without case, accents or padding. The
-- collation that does has another name in MariaDB than in MySQL.
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

-- What the stores behind each prefix are known to have given out. The row with the empty prefix and
-- the writer 0 names this database.
CREATE TABLE IF NOT EXISTS `model_counters_state` (
  `prefix` VARCHAR(100) NOT NULL,
  `store_id` VARCHAR(64) NOT NULL,
  -- 0 for passes. A transaction that writes counters takes another row, which no other one writes
  -- to meanwhile.
  `writer` BIGINT NOT NULL DEFAULT 0,
  `claim_seq` BIGINT NOT NULL DEFAULT 0,
  -- The end of the last good pass behind this prefix, in the row of the store that it was over.
  `synced_at` DATETIME(6) NULL,
  -- The marks of the last transactions that recorded in the row, by which the store knows this
  -- database again. In the row of passes: the identity that the server had at the first.
  `marks` VARCHAR(3000) CHARACTER SET ascii NOT NULL DEFAULT '',
  -- Of the numbers of stores in memory, which are writers under the empty prefix: the random word
  -- of the store that holds the number, and of the last batch that was committed under it.
  `holder` BIGINT NOT NULL DEFAULT 0,
  `batch` BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (`prefix`, `store_id`, `writer`)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80017 COLLATE utf8mb4_0900_bin */;

-- A table that was there already, and is not one of these, is refused here.
SELECT `id`, `owner_type`, `owner_id`, `key`, `count`, `claim_seq`, `created_at`, `updated_at` FROM `model_counters` LIMIT 0;

-- Not UUID(): a replica that executes statements would make another one. The seeds of RAND() are
-- logged with the statement, and so is the time.
INSERT INTO `model_counters_state` (`prefix`, `store_id`, `synced_at`)
SELECT '', LEFT(SHA2(CONCAT_WS(' ', RAND(), RAND(), RAND(), RAND(), UTC_TIMESTAMP(6)), 256), 32), UTC_TIMESTAMP(6)
FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM `model_counters_state` WHERE `prefix` = '' AND `writer` = 0);
