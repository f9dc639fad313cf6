"""The Faust workers: normalize, detect, escalate. Each is a pure stage run under one checkpoint protocol."""
