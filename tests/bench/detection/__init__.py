"""The product's own detection report: simulated trade with known truth, baselines, scoring, NAB."""
