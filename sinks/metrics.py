"""What the writer counts, for Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ROWS: Final = Counter("infopump_writer_rows", "Rows written", ["table"])
BLOCKS: Final = Counter("infopump_writer_blocks", "Blocks written", ["topic"])
REPEATS: Final = Counter("infopump_writer_repeats", "Rows dropped because they were written before", ["topic"])
UNREADABLE: Final = Counter("infopump_writer_unreadable", "Messages that could not be read", ["topic", "reason"])
SKIPPED: Final = Counter("infopump_writer_skipped", "Offsets that were gone before they were read", ["topic"])
ASIDE: Final = Counter("infopump_writer_aside_rows", "Rows that the store did not take, kept in files", ["table"])
FAILURES: Final = Counter("infopump_writer_failures", "Tries that failed and are repeated", ["what"])
LAG: Final = Gauge("infopump_writer_lag_messages", "Messages in the topic that are not written", ["topic"])
INSERT_SECONDS: Final = Histogram(
    "infopump_writer_insert_seconds",
    "Time to write one block into all its tables",
    buckets=(0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
