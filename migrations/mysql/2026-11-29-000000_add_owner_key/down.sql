-- May be run again, as up.sql, by the same rule for the name owner_key.
SET @counter_missing = (
  SELECT (SELECT COALESCE(`owner_key`, 0) FROM (SELECT 1) AS `one` LEFT JOIN `model_counters` ON 1 = 0)
  FROM (SELECT 1 AS `owner_key`) AS `missing`
);

SET @counter_texts = (
  SELECT (SELECT COUNT(*) FROM `model_counters` WHERE `owner_key` <> '') FROM (SELECT '' AS `owner_key`) AS `missing`
);

-- Refuses where an owner's id is a text, by what is no statement: without the column it would be
-- the integer 0.
SET @counter_change = CASE
  WHEN @counter_missing THEN 'DO 0'
  WHEN @counter_texts > 0 THEN 'there are owners whose id is a text: delete their rows first'
  ELSE CONCAT(
    'ALTER TABLE ', '`model_counters`',
    ' DROP COLUMN `owner_key`, DROP INDEX `counter`, ADD UNIQUE `counter` (`owner_type`, `owner_id`, `key`)'
  )
END;

PREPARE counter_change FROM @counter_change;

EXECUTE counter_change;

DEALLOCATE PREPARE counter_change;
