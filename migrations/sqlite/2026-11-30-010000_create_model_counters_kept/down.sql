DROP TABLE "model_counters_kept";
