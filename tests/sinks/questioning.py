"""Four simulated weeks with a rush on salt, and a day of the year before, in a store."""

import datetime as dt
from typing import Final

import pyarrow as pa

from sinks.articles import read_registry
from sinks.blocks import Block, Piece, fill
from sinks.embedded import EmbeddedStore
from sinks.rows import read_alert, read_command, read_rejected
from streams.records import AlertCommand, encode
from streams.simulate.events import Rush
from streams.topics import CLEAN, DAY_MS, HOUR_MS, REGISTRY
from streams.world import make_world
from tests.sinks import market
from tests.sinks.simulated import simulated, terminals

TODAY: Final = dt.date(2025, 10, 6)
"""Mid-autumn: the fifteenth of the eighth lunar month."""
LAST_YEAR: Final = dt.date(2024, 9, 17)
SALT: Final = "1001"
SHOPS: Final = 60


def midnight(day: dt.date) -> int:
    """Its first ms in China, UTC."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.timezone(dt.timedelta(hours=8))).timestamp() * 1000)


ONSET: Final = midnight(TODAY) - 3 * DAY_MS + 10 * HOUR_MS
RUSH: Final = Rush(ONSET, "330602", (("330603", ONSET + 2 * HOUR_MS), ("330604", ONSET + 5 * HOUR_MS)), factor=40.0)


def filled_store(store: EmbeddedStore, shops: int = SHOPS) -> pa.Table:
    """Put all into ``store``; returns the clean lines."""
    world = make_world(1, shops)
    end = midnight(TODAY) + DAY_MS
    spans = [(midnight(LAST_YEAR), midnight(LAST_YEAR) + DAY_MS), (end - 28 * DAY_MS, end)]
    parts = list(simulated(world, spans, [RUSH]))
    for first in range(0, len(parts), 20):
        pieces = tuple(Piece(n, rows, 1, 0.0) for n, rows in enumerate(parts[first : first + 20], first))
        for table, rows in fill(Block(CLEAN, "id", 0, first, first + len(pieces) - 1, pieces, {})).tables.items():
            store.insert(table, rows, f"{table}/{first}")
    registered = tuple(Piece(n, read_registry(encode(t), 0), 1, 0.0) for n, t in enumerate(terminals(world)))
    for table, rows in fill(Block(REGISTRY, "id", 0, 0, len(registered) - 1, registered, {})).tables.items():
        store.insert(table, rows, table)
    for n in (1, 2):
        store.insert("alerts", read_alert(encode(market.alert(n)), 0), f"a{n}")
    acknowledged = AlertCommand("c", "a-1", "acknowledge", "Li", market.MONTH_END + 90 * 60_000, revision=1)
    store.insert("alert_actions", read_command(encode(acknowledged), 0), "c")
    store.insert("rejected", read_rejected(encode(market.refusal(0, 1)), 0), "r")
    return pa.concat_tables(parts).unify_dictionaries().combine_chunks()
