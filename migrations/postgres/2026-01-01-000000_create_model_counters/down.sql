DROP TABLE "model_counters_state";
DROP TABLE "model_counters";
