"""Lines a second of the writer from a backlog in a real broker into a store, and bytes a line on disk.

The lines are those of the simulated market, through the real normalize stage. Run: python -m tests.bench.bench_writer
(the embedded store), or with --server (a server process: the CPU is the writer's alone, the server's beside it). The
last messages come one by one: how long each takes from the broker's word that it has it until a question finds its
lines.
"""

import argparse
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from confluent_kafka import Producer

from agents.normalize.stage import NormalizeStage
from agents.registry import Registry
from agents.stage import Incoming
from deploy.broker import Broker
from sinks.config import WriterConfig
from sinks.embedded import EmbeddedStore
from sinks.server import ServerStore
from sinks.writer import Writer
from streams import topics
from streams.codec import encode_arrow
from streams.columns import CLEAN_SCHEMA, from_bytes
from streams.envelope import ARROW, CONTENT_TYPE, LINE_SCHEMA, Header
from streams.kafka import producer_config
from streams.observe import setup_logs
from streams.records import MappingRecord, encode
from streams.simulate.market import Simulator
from streams.topics import CLEAN, DAY_MS, HOUR_MS, RAW
from streams.world import World, make_world
from tests.sinks.server import Server

PARTITIONS = 4
START = 1_756_684_800_000
"""2025-09-01 00:00 UTC, ms."""
DAYS = 28
TIMEOUT = 120.0
ONE_BY_ONE = 20
"""messages"""


@dataclass(frozen=True)
class Result:
    """One run."""

    lines: int
    wall: float
    cpu: float
    server_cpu: float
    table_bytes: dict[str, float]
    delays: list[float]
    """seconds from topic to answer, of messages that came one by one"""


def clean_month(world: World) -> list[tuple[int, bytes]]:
    """``pos.clean`` messages (partition, value) of a simulated month."""
    registry = Registry()
    for terminal in world.terminals():
        registry.apply(encode(terminal))
    for enterprise, mappings in world.mappings().items():
        for first in range(0, len(mappings), 1000):
            registry.apply(encode(MappingRecord(enterprise, mappings[first : first + 1000])))
    stage = NormalizeStage(registry, PARTITIONS, 300_000, HOUR_MS)
    simulator, ids = Simulator(world, 1), world.shops.terminal_id.tolist()
    offsets, seqs = [0] * PARTITIONS, dict.fromkeys(ids, 0)
    out: list[tuple[int, bytes]] = []
    for start in range(START, START + DAYS * DAY_MS, 4 * HOUR_MS):
        table = simulator.advance(start, start + 4 * HOUR_MS)
        shops, begins = np.unique(table["shop"].to_numpy(), return_index=True)
        ends = np.append(begins, table.num_rows)[1:]
        for shop, begin, end in zip(shops.tolist(), begins.tolist(), ends.tolist(), strict=True):
            terminal = ids[shop]
            part = table.slice(begin, end - begin).combine_chunks()
            lines = part.select([n for n in LINE_SCHEMA.names if n in part.column_names]).to_batches()[0]
            seqs[terminal] += 1
            home = stage._partition_of(terminal)
            value = encode_arrow(Header(1, terminal, seqs[terminal], start), lines)
            headers = {CONTENT_TYPE: ARROW.encode()}
            stage.apply(Incoming(RAW, home, offsets[home], start, terminal.encode(), value, headers))
            offsets[home] += 1
        out += [(m.partition or 0, m.value) for m in stage.drain() if m.topic == CLEAN]
    return out


def send(bootstrap: str, month: list[tuple[int, bytes]]) -> int:
    """Write the backlog; returns its lines."""
    producer = Producer(producer_config(bootstrap))
    for partition, value in month:
        producer.produce(CLEAN, value, key=b"k", partition=partition)
        producer.poll(0)
    producer.flush(30)
    return sum(from_bytes(value, CLEAN_SCHEMA).num_rows for _, value in month)


def write(
    bootstrap: str, folder: Path, lines: int, block_rows: int, server: Server | None, later: list[tuple[int, bytes]]
) -> Result:
    """Write the backlog into a new store, and then what comes ``later``, message by message."""
    store: Any = ServerStore(server.config(f"bench_{block_rows}")) if server else EmbeddedStore(folder)
    store.migrate()
    writer = Writer(WriterConfig(bootstrap, folder, block_rows=block_rows, group=f"bench-{block_rows}"), store)
    counted = (
        "SELECT sum(rows) AS n FROM system.parts WHERE active AND table IN ('sales', 'prices', 'stock') AND database = "
    )
    counted += f"'bench_{block_rows}'" if server else "'infopump'"
    while writer.health():
        writer.step(0.05)
    wall, cpu, written = time.perf_counter(), time.process_time(), 0
    server_cpu = server.cpu_seconds() if server else 0.0

    def reach(lines: int) -> None:
        nonlocal written
        since = time.perf_counter()
        while written < lines:
            for _ in range(5):
                writer.step(0.05)
            written = store.query(counted)["n"][0].as_py()
            if time.perf_counter() - since > TIMEOUT:
                raise SystemExit(f"expected {lines} lines within {TIMEOUT} s, got {written}")

    reach(lines)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    server_cpu = server.cpu_seconds() - server_cpu if server else 0.0
    delays = []
    for message in later:
        new = send(bootstrap, [message])
        begun = time.perf_counter()
        reach(written + new)
        delays.append(time.perf_counter() - begun)
    writer.close()
    for table in ("sales", "prices", "stock", "cells_1h"):
        (store._ask if server else store._execute)(f"OPTIMIZE TABLE {table} FINAL")
    size = store.query(
        "SELECT table, sum(bytes_on_disk) / sum(rows) AS each FROM system.parts WHERE active "
        f"AND database = '{f'bench_{block_rows}' if server else 'infopump'}' "
        "AND table IN ('sales', 'prices', 'stock', 'cells_1h') GROUP BY table ORDER BY table"
    )
    store.close()
    return Result(lines, wall, cpu, server_cpu, {row["table"]: row["each"] for row in size.to_pylist()}, delays)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", action="store_true", help="into a server process instead of the embedded store")
    into_server = parser.parse_args().server
    setup_logs("bench", "WARNING")
    world = make_world(1)
    month = clean_month(world)
    folder = Path(tempfile.mkdtemp(prefix="bench-writer-"))
    try:
        with Broker(folder / "broker", heap_mb=384) as broker:
            topics.ensure(broker.bootstrap, PARTITIONS)
            lines, later = send(broker.bootstrap, month[:-ONE_BY_ONE]), month[-ONE_BY_ONE:]
            (folder / "server").mkdir()
            server = Server(folder / "server") if into_server else None
            # The writer, an embedded engine included, on one core; the broker and a server keep the other.
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            print(f"{'block rows':>10} {'lines':>10} {'lines/s':>10} {'lines/s of CPU':>15}  bytes a row on disk")
            for block_rows, then in ((50_000, []), (100_000, later)):
                result = write(broker.bootstrap, folder / f"store-{block_rows}", lines, block_rows, server, then)
                sizes = ", ".join(f"{table} {size:.1f}" for table, size in result.table_bytes.items())
                rate, of_cpu = lines / result.wall, lines / result.cpu
                print(f"{block_rows:>10,} {lines:>10,} {rate:>10,.0f} {of_cpu:>15,.0f}  {sizes}")
                if waits := result.delays:
                    print(f"{'':>10} until they are found: median {median(waits):.2f} s, longest {max(waits):.2f} s")
                if server:
                    print(f"{'':>10} {lines / result.server_cpu:>32,.0f} lines/s of the server's CPU")
            if server:
                server.stop()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
