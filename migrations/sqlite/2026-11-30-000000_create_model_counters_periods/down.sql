DROP TABLE "model_counters_periods";
