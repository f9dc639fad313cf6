"""Lines a second through the pure normalize stage on one core, known SKUs: decoded envelope to clean batch and cells.

Run: python -m tests.bench.bench_normalize
"""

import time
from dataclasses import replace

import numpy as np

from agents.normalize.stage import NormalizeStage
from streams.records import Mapping, MappingRecord, encode
from tests.agents.till import NOW, PARTITIONS, record, registry

SKUS = 150
TERMINALS = 20


def measure(lines: int, envelopes: int) -> float:
    """Lines a second with so many lines an envelope."""
    rng = np.random.default_rng(1)
    names = [f"T-{i}" for i in range(TERMINALS)]
    known = registry(names)
    known.apply(encode(MappingRecord("E-1", [Mapping(f"S{i}", "0101", "kg") for i in range(SKUS)])))
    stage = NormalizeStage(known, PARTITIONS, 300_000, 3_600_000)
    rows = [{"sku": f"S{rng.integers(SKUS)}", "unit": "kg", "name": "大米", "ts": NOW + i * 1000} for i in range(lines)]
    samples = [record(0, 1, *rows, terminal=name) for name in names]
    feed = [replace(samples[i % TERMINALS], offset=i) for i in range(envelopes)]
    for state in names:
        stage.apply(replace(samples[names.index(state)], offset=-1))
    stage.drain()
    started = time.process_time()
    for i, one in enumerate(feed):
        # The same bytes again would be a repeat: what is measured is the work on a new one.
        stage._states[names[i % TERMINALS]].seqs.low = 0
        stage.apply(one)
        if i % 400 == 399:
            stage.drain()
            stage.dirty()
    stage.drain()
    return lines * envelopes / (time.process_time() - started)


def main() -> None:
    """Print the table."""
    print(f"{'lines an envelope':>18} {'lines/s':>12}")
    for lines, envelopes in ((10, 5_000), (100, 3_000), (500, 2_000), (2_000, 500)):
        print(f"{lines:>18,} {measure(lines, envelopes):>12,.0f}")


if __name__ == "__main__":
    main()
