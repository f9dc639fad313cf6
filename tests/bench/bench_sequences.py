"""What the second line of defence costs: memory of 100,000 terminals, time a block, time of a look-up.

``python -m tests.bench.bench_sequences [TERMINALS]``
"""

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa

from sinks.embedded import EmbeddedStore
from sinks.sequences import repeats
from sinks.written import Written
from streams.columns import CLEAN_SCHEMA
from tests.sinks import market

LINES, EACH = 50_000, 50
ENVELOPES_STORED = 2_000_000


def block(terminals: int, offset: int) -> pa.Table:
    """A block of envelopes from different terminals."""
    table = market.lines(LINES // EACH, EACH, offset=offset, kinds=("sale",))
    names = np.repeat(np.arange(LINES // EACH) * 97 % terminals, EACH)
    at = CLEAN_SCHEMA.get_field_index("terminal_id")
    tags = pa.array([f"T-{i:08}" for i in names.tolist()], pa.string()).dictionary_encode()
    return table.set_column(at, CLEAN_SCHEMA.field(at), tags)


def main() -> None:
    terminals = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "s")
        store.migrate()
        store._execute(
            "INSERT INTO envelopes (terminal_id, seq, raw_partition, raw_offset, sent_at, sales) "
            f"SELECT 'T-' || leftPad(toString(number % {terminals}), 8, '0'), intDiv(number, {terminals}) + 1, 0, "
            f"number, now64(3), 50 FROM numbers({ENVELOPES_STORED}) SETTINGS max_partitions_per_insert_block = 0"
        )
        tracemalloc.start()
        began = time.perf_counter()
        written = Written(store, 0)
        loaded = time.perf_counter() - began
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{len(written.highest):,} terminals: {size / 2**20:.1f} MiB, read from the store in {loaded:.2f} s")
        new = block(terminals, 10_000_000)
        began = time.perf_counter()
        for _ in range(20):
            repeats(new, written.highest, written.stored, again=False)
        each = (time.perf_counter() - began) / 20
        print(f"a block of {LINES:,} new lines in {LINES // EACH:,} envelopes: {each * 1e3:.1f} ms")
        asked = [(f"T-{i:08}", 3) for i in range(1000)]
        began = time.perf_counter()
        found = written.stored(asked)
        seconds = time.perf_counter() - began
        print(f"1,000 envelopes looked up among {ENVELOPES_STORED:,}: {seconds:.3f} s, {len(found):,} found")
        store.close()


if __name__ == "__main__":
    main()
