"""Clean lines of the simulated market, as the real normalize stage makes them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from agents.normalize.stage import NormalizeStage
from agents.registry import Registry
from agents.stage import Incoming
from streams.codec import encode_arrow
from streams.columns import CLEAN_SCHEMA, from_bytes
from streams.envelope import ARROW, CONTENT_TYPE, LINE_SCHEMA, Header
from streams.records import MappingRecord, TerminalRecord, encode
from streams.simulate.events import Event
from streams.simulate.market import Simulator
from streams.topics import CLEAN, HOUR_MS, RAW
from streams.world import World

CHANNELS: Final = ("supermarket", "supermarket", "farmers_market")
_STEP_MS: Final = 6 * HOUR_MS


def terminals(world: World) -> list[TerminalRecord]:
    """The shops of a world, a third of them farmers' markets."""
    return [
        msgspec.structs.replace(terminal, channel=CHANNELS[number % len(CHANNELS)])
        for number, terminal in enumerate(world.terminals())
    ]


def simulated(
    world: World, spans: Iterable[tuple[int, int]], events: Sequence[Event] = (), partitions: int = 1
) -> Iterator[pa.Table]:
    """Clean lines of ``spans`` (ms UTC, rising), one table for each quarter of a day and raw partition."""
    registry = Registry()
    for terminal in terminals(world):
        registry.apply(encode(terminal))
    for enterprise, mappings in world.mappings().items():
        for first in range(0, len(mappings), 1000):
            registry.apply(encode(MappingRecord(enterprise, mappings[first : first + 1000])))
    stage = NormalizeStage(registry, partitions, 300_000, HOUR_MS)
    simulator, ids = Simulator(world, 1, events), world.shops.terminal_id.tolist()
    offsets, seqs = [0] * partitions, dict.fromkeys(ids, 0)
    for begin_ms, end_ms in spans:
        for start in range(begin_ms, end_ms, _STEP_MS):
            table = simulator.advance(start, min(start + _STEP_MS, end_ms))
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
            for message in stage.drain():
                if message.topic == CLEAN and message.value:
                    yield from_bytes(message.value, CLEAN_SCHEMA)
