"""Lines a second through the pure normalize stage on one core, known SKUs, in seconds of CPU.

``decoded`` begins with decoded envelopes and ends with clean batches and cells as messages, and the state blocks of a
checkpoint; ``bytes`` reads the envelopes too. ``ipc`` is the share of ``decoded`` that writes and compresses messages.

Run: python -m tests.bench.bench_normalize
"""

import gc
import time
from collections.abc import Callable

import numpy as np

from agents.normalize.stage import NormalizeStage
from agents.registry import Registry
from agents.stage import Incoming
from streams.codec import Decoded, read
from streams.columns import CELLS_SCHEMA, CLEAN_SCHEMA, from_bytes, to_bytes
from streams.envelope import ARROW
from streams.records import Mapping, MappingRecord, TerminalRecord, encode
from streams.topics import CELLS, CLEAN
from tests.agents import till
from tests.agents.till import NOW, PARTITIONS, record

ENTERPRISES = 4
TERMINALS = 20
SKUS = 2_000
"""of each enterprise; a few of them make most of the sales, as in a shop"""
CHECKPOINT = 400
"""envelopes between two checkpoints"""


def known() -> Registry:
    """Terminals in four cities, and mappings to some of the commodities."""
    registry = Registry()
    for i in range(TERMINALS):
        county = ("330602", "110105", "440305", "510107")[i % 4]
        registry.apply(encode(TerminalRecord(f"T-{i}", f"E-{i % ENTERPRISES}", county)))
    codes = ("0101", "0201", "0301", "0401", "0501", "0601", "1001", "98")
    for e in range(ENTERPRISES):
        mappings = [Mapping(f"69{e}{i:010d}", codes[i % len(codes)], "袋", 500) for i in range(SKUS)]
        registry.apply(encode(MappingRecord(f"E-{e}", mappings)))
    return registry


def feed(lines: int, envelopes: int) -> list[Incoming]:
    """Envelopes of sales, no two alike, in turn from each terminal."""
    rng = np.random.default_rng(1)
    out = []
    for i in range(envelopes):
        terminal = i % TERMINALS
        skus = np.minimum(rng.zipf(1.3, lines) - 1, 10 * SKUS) % SKUS
        packs = rng.integers(1, 5, lines)
        at = NOW + (i // TERMINALS) * 5_000
        rows = [
            {
                "sku": f"69{terminal % ENTERPRISES}{sku:010d}",
                "name": f"某牌商品{sku}号 500g",
                "unit": ("袋", "瓶", "kg")[sku % 3],
                "qty": int(n) * 1000,
                "amount": int(n) * (300 + int(sku)),
                "ts": at - int(ago),
                "promo": bool(sku % 17 == 0),
            }
            for sku, n, ago in zip(skus.tolist(), packs, np.sort(rng.integers(0, 5_000, lines))[::-1], strict=True)
        ]
        out.append(record(i, i // TERMINALS + 1, *rows, terminal=f"T-{terminal}", sent_at=at))
    return out


def measure(lines: int, envelopes: int, rounds: int) -> tuple[float, float, float]:
    """Lines a second from bytes and from decoded envelopes, and the share of writing messages in the latter."""
    records = feed(lines, envelopes)
    decoded = [read(r.value, ARROW) for r in records]

    def run(step: Callable[[NormalizeStage, Incoming, Decoded], None]) -> float:
        stage = till.stage(known())
        spent = []
        gc.collect()
        # What was made here for the measurement is no load of the stage.
        gc.freeze()
        for _ in range(rounds + 1):
            started = time.process_time()
            for i, (one, its) in enumerate(zip(records, decoded, strict=True)):
                step(stage, one, its)
                if i % CHECKPOINT == CHECKPOINT - 1:
                    stage.drain()
                    stage.dirty()
            stage.drain()
            stage.dirty()
            spent.append(time.process_time() - started)
            # The same numbers again would be repeats.
            for state in stage._states.values():
                state.seqs.low = 0
                state.applied = -1
        # The first round meets every article for the first time; of the others the quickest: the machine is shared.
        return lines * envelopes / min(spent[1:])

    whole = run(lambda stage, one, _: stage.apply(one))
    pure = run(NormalizeStage.take)
    stage = till.stage(known())
    sent = []
    for i, (one, its) in enumerate(zip(records, decoded, strict=True)):
        stage.take(one, its)
        sent += stage.drain() if i % CHECKPOINT == CHECKPOINT - 1 else []
    schemas = {CLEAN: CLEAN_SCHEMA, CELLS: CELLS_SCHEMA}
    batches = [from_bytes(o.value, schemas[o.topic]) for o in sent + stage.drain() if o.topic in schemas]
    writing = []
    for _ in range(rounds):
        started = time.process_time()
        for batch in batches:
            to_bytes(batch)
        writing.append(time.process_time() - started)
    return whole, pure, min(writing) * pure / (lines * envelopes)


def describing(articles: int) -> float:
    """New articles a second through stage, chain and name classifier, their lines included."""
    stage = NormalizeStage(known(), PARTITIONS, 300_000, 3_600_000)
    rows = [
        {"sku": f"N{i}", "unit": "袋", "name": f"某牌{('大米', '酱油', '抽纸', '薯片')[i % 4]}{i}号 {i % 9 + 1}kg"}
        for i in range(articles)
    ]
    records = [record(i, i + 1, *rows[i * 500 : i * 500 + 500], terminal="T-0") for i in range(articles // 500)]
    started = time.process_time()
    for one in records:
        stage.apply(one)
    stage.drain()
    return articles / (time.process_time() - started)


def main() -> None:
    """Print the table."""
    print(f"{'lines an envelope':>18} {'bytes, lines/s':>15} {'decoded, lines/s':>17} {'ipc':>6}")
    for lines, envelopes, rounds in ((10, 2_000, 3), (100, 1_000, 3), (500, 400, 4), (2_000, 100, 4)):
        whole, pure, share = measure(lines, envelopes, rounds)
        print(f"{lines:>18,} {whole:>15,.0f} {pure:>17,.0f} {share:>6.0%}")
    print(f"new articles/s {describing(5_000):,.0f}")


if __name__ == "__main__":
    main()
