"""Seconds of each of the twenty questions, from the rollups as auditor and as analyst, and from the lines.

The lines are four simulated weeks (and one day of the year before) of 240 shops, through the real normalize stage,
copied inside the engine to other counties under other names until there are enough. An analyst is not shown every cell,
and is refused some questions. Run:
python -m tests.bench.bench_questions [--lines 100_000_000] [--store FOLDER, which is kept and used again]
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from sinks.access import Limits
from sinks.embedded import EmbeddedStore
from sinks.questions import from_lines, questions
from sinks.roles import Role
from sinks.schema import LINE_TABLES
from streams.regions import regions
from streams.world import counties
from tests.sinks.questioning import TODAY, filled_store

SHOPS: Final = 240
RUNS: Final = 3
_COLUMNS: Final = {
    **{table: tuple(dict.fromkeys(columns)) for table, columns in LINE_TABLES.items()},
    "envelopes": (
        *("terminal_id", "seq", "raw_partition", "raw_offset", "sent_at", "enterprise", "county"),
        *("sales", "prices", "stock"),
    ),
    "terminal_records": ("terminal_id", "enterprise", "county", "channel", "valid_from", "valid_to"),
}


def fill(store: EmbeddedStore, lines: int) -> None:
    """Put about so many lines into ``store``."""
    first = filled_store(store, SHOPS).num_rows
    for table in _COLUMNS:
        store._execute(f"CREATE TABLE IF NOT EXISTS base_{table} AS {table}")
        store._execute(
            f"INSERT INTO base_{table} ({', '.join(_COLUMNS[table])}) SELECT {', '.join(_COLUMNS[table])} FROM {table}"
        )
    own, every = counties(), sorted(code for code in regions() if len(code) == 6)
    for copy in range(1, max(lines // first, 1)):
        there = [every[(every.index(county) + copy * 53) % len(every)] for county in own]
        moved = {
            "county": f"transform(toString(b.county), {own}, {there})",
            "terminal_id": f"concat(b.terminal_id, '-{copy}')",
            "enterprise": f"concat(b.enterprise, '-{copy % 8}')",
            "raw_partition": f"toInt32({copy})",
        }
        for table, columns in _COLUMNS.items():
            chosen = ", ".join(f"{moved.get(name, f'b.{name}')} AS {name}" for name in columns)
            store._execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM base_{table} AS b "
                "SETTINGS insert_deduplicate = 0, max_partitions_per_insert_block = 0, optimize_on_insert = 0, "
                "max_insert_threads = 2, min_insert_block_size_rows = 1000000, min_insert_block_size_bytes = 0"
            )
        print(f"\r{(copy + 1) * first:,} lines", end="", flush=True)
    print()
    for table in _COLUMNS:
        store._execute(f"DROP TABLE base_{table}")


def merge(store: EmbeddedStore) -> None:
    """Leave the tables as the engine leaves them when a month is over."""
    for row in store.query(
        "SELECT name FROM system.tables WHERE database = 'infopump' AND engine LIKE '%Tree'"
    ).to_pylist():
        store._execute(f"OPTIMIZE TABLE {row['name']} FINAL")


def sizes(store: EmbeddedStore) -> None:
    """Print rows and bytes of each table, and the bytes of a line with all rollups."""
    parts = store.query(
        "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts "
        "WHERE active AND database = 'infopump' GROUP BY table HAVING rows > 1000 ORDER BY bytes DESC"
    ).to_pylist()
    lines = sum(row["rows"] for row in parts if row["table"] in LINE_TABLES)
    print(f"{'table':<20} {'rows':>13} {'bytes a row':>12} {'bytes a line':>13}")
    for row in parts:
        print(
            f"{row['table']:<20} {row['rows']:>13,} {row['bytes'] / row['rows']:>12.1f} {row['bytes'] / lines:>13.2f}"
        )


def seconds(store: EmbeddedStore, sql: str, role: Role = Role.AUDITOR) -> tuple[float, int]:
    """The median time of some runs, and the rows of the answer."""
    took = []
    for _ in range(RUNS):
        start = time.perf_counter()
        rows = store.query_as(role, sql).num_rows
        took.append(time.perf_counter() - start)
    return sorted(took)[RUNS // 2], rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=lambda text: int(text.replace("_", "")), default=100_000_000)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = options.store or Path(tempfile.mkdtemp(prefix="bench-questions-"))
    there = (folder / "engine").exists()
    store = EmbeddedStore(folder, Limits(seconds=600, memory_bytes=12 << 30))
    try:
        store.migrate()
        if not there:
            fill(store, options.lines)
            merge(store)
        sizes(store)
        heads = f"{'rows':>6} {'rollups, s':>11} {'analyst, s':>11} {'lines, s':>9}"
        print(f"\n{'question':<24} {heads}   ({os.cpu_count()} cores)")
        for one in questions().values():
            if options.only in one.name:
                quick, rows = seconds(store, one.on(TODAY))
                asked = one.role == "analyst"
                shown = f"{seconds(store, one.on(TODAY), Role.ANALYST)[0]:>11.2f}" if asked else f"{'':>11}"
                slow = f"{seconds(store, from_lines(one.on(TODAY)))[0]:>9.2f}" if one.has_rollup else f"{'=':>9}"
                print(f"{one.name:<24} {rows:>6} {quick:>11.2f} {shown} {slow}", flush=True)
    finally:
        store.close()
        if not options.store:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
