"""Detectors: pure functions on small arrays over units x commodities. No Kafka, no clock, no I/O but the rulebooks."""
