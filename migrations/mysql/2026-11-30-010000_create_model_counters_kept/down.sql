DROP TABLE IF EXISTS `model_counters_kept`;
