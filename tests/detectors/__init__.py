"""Tests of the detectors, on simulated markets of which the truth is known."""
