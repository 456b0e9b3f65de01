-- MySQL commits after an ALTER TABLE, so this may be run again: a migration that was cut short is
-- finished by the next. There is one ALTER TABLE, which the server makes whole or not at all, and
-- only where the column is missing: there the name owner_key is that of the query around, 1, and
-- where the column is there it is the column, which the join leaves null.
SET @counter_missing = (
  SELECT (SELECT COALESCE(`owner_key`, 0) FROM (SELECT 1) AS `one` LEFT JOIN `model_counters` ON 1 = 0)
  FROM (SELECT 1 AS `owner_key`) AS `missing`
);

-- Owners whose id is a text have it in owner_key, and 0 as owner_id. All others have the empty
-- text.
SET @counter_change = IF(@counter_missing, CONCAT(
  'ALTER TABLE ', '`model_counters`',
  ' ADD COLUMN `owner_key` VARCHAR(255) NOT NULL DEFAULT '''' AFTER `owner_id`,',
  ' DROP INDEX `counter`, ADD UNIQUE `counter` (`owner_type`, `owner_id`, `owner_key`, `key`)'
), 'DO 0');

PREPARE counter_change FROM @counter_change;

EXECUTE counter_change;

DEALLOCATE PREPARE counter_change;
