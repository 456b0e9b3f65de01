-- Owners whose id is a text have it here, and 0 as owner_id. All others have the empty text.
ALTER TABLE "model_counters" ADD COLUMN "owner_key" VARCHAR(255) COLLATE "C" NOT NULL DEFAULT '';

-- The old key, whose name PostgreSQL has chosen.
DO $counter$
DECLARE
  old_key name;
BEGIN
  FOR old_key IN
    SELECT c.conname FROM pg_constraint AS c
    WHERE c.conrelid = '"model_counters"'::regclass AND c.contype = 'u'
      AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM pg_attribute AS a
           WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) = ARRAY['key', 'owner_id', 'owner_type']
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', '"model_counters"'::regclass, old_key);
  END LOOP;
END
$counter$;

ALTER TABLE "model_counters" ADD UNIQUE ("owner_type", "owner_id", "owner_key", "key");
