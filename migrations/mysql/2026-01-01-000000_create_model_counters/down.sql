DROP TABLE IF EXISTS `model_counters_state`;
DROP TABLE IF EXISTS `model_counters`;
