-- Refuses where an owner's id is a text: without the column it would be the integer 0.
ALTER TABLE "model_counters" ADD CHECK ("owner_key" = '');

-- The constraints that have the column go with it.
ALTER TABLE "model_counters" DROP COLUMN "owner_key";

ALTER TABLE "model_counters" ADD UNIQUE ("owner_type", "owner_id", "key");
