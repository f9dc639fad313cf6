"""A week of a simulated market with a salt rush at its end, as envelopes with known sums."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Producer

from streams.kafka import producer_config
from streams.simulate import Scenario, Simulator, rush_of_march_2011
from streams.simulate.dirt import VARIANTS
from streams.terminal import Fleet, Terminal, publish_registry
from streams.topics import DAY_MS, HOUR_MS, RAW
from streams.world import make_world

START = 1_768_788_000_000
"""2026-01-19 10:00 in China, a Monday"""
HISTORY_DAYS = 8
RUSH_HOURS = 3
SHOPS = 96
WINDOW_MS = 4 * HOUR_MS
STEP_MS = 5 * 60_000


@dataclass
class Sent:
    """What the store must hold in ``sales``, to the unit, and what must be refused."""

    lines: int = 0
    sales: int = 0
    qty: int = 0
    amount: int = 0
    damaged: int = 0
    repeated: int = 0
    reasons: set[str] = field(default_factory=set)

    def add(self, table: pa.Table) -> None:
        """Count a table of lines; a return takes back what a sale gave."""
        kind = table["kind"].cast(pa.string())
        sale, back = pc.equal(kind, "sale"), pc.equal(kind, "return")
        self.lines += table.num_rows
        for mask, sign in ((sale, 1), (back, -1)):
            part = table.filter(mask)
            self.sales += part.num_rows
            self.qty += sign * (pc.sum(part["qty"]).as_py() or 0)
            self.amount += sign * (pc.sum(part["amount"]).as_py() or 0)


class Market:
    """Plays it into a broker. ``damage`` and ``repeat`` are shares of the envelopes.

    A damaged envelope is followed by the sound one, as a spool would do after a faulty line; a repeated one is sent
    again a while later.
    """

    def __init__(self, bootstrap: str, *, damage: float = 0.0, repeat: float = 0.0) -> None:
        world = make_world(7, SHOPS)
        self.scenario: Scenario = rush_of_march_2011(world, START)
        self.sent = Sent()
        self._simulator = Simulator(world, 7, self.scenario.events)
        self._shops = world.shops.terminal_id.tolist()
        self._bootstrap = bootstrap
        self._damage, self._repeat = damage, repeat
        self._rng = random.Random(7)
        publish_registry(bootstrap, world.terminals(), world.mappings())

    def play(self) -> Iterator[int]:
        """Send everything; yields the simulated time after each step, so that a test can do its mischief."""
        with Producer(producer_config(self._bootstrap)) as producer:
            sender: Any = Mischief(producer, self) if self._damage or self._repeat else producer
            self._fleet = Fleet(sender)
            begin, end = START - HISTORY_DAYS * DAY_MS, START + RUSH_HOURS * HOUR_MS
            for at in range(begin, START, WINDOW_MS):
                self._send(at, at + WINDOW_MS)
                yield at
            for at in range(START, end, STEP_MS):
                self._send(at, at + STEP_MS)
                yield at
            for terminal in self._terminals():
                terminal.beat(end + DAY_MS)
            self._fleet.flush()
            self._fleet.heartbeats()

    def _terminals(self) -> list[Terminal]:
        return [self._fleet.terminal(name) for name in self._shops]

    def _send(self, start: int, end: int) -> None:
        table = self._simulator.advance(start, end)
        self.sent.add(table)
        shop = table.column("shop")
        for number, terminal in enumerate(self._terminals()):
            part = table.filter(pc.equal(shop, number))
            if part.num_rows:
                terminal.send(part, end)
            else:
                terminal.beat(end)


class Mischief:
    """A producer that damages and repeats envelopes on their way."""

    def __init__(self, producer: Producer, market: Market) -> None:
        self._producer = producer
        self._market = market
        self._again: list[dict[str, Any]] = []

    def produce(self, topic: str, **record: Any) -> None:
        """Send it; before it perhaps a damaged copy, after it perhaps an old one again."""
        if topic != RAW:
            self._producer.produce(topic, **record)
            return
        rng, sent = self._market._rng, self._market.sent
        if rng.random() < self._market._damage:
            spoiled, content_type = _spoiled(record["value"], rng)
            sent.damaged += 1
            spoilt = {"key": record["key"], "value": spoiled, "headers": {"content-type": content_type.encode()}}
            self._producer.produce(topic, **spoilt)
        self._producer.produce(topic, **record)
        if rng.random() < self._market._repeat:
            self._again.append({k: v for k, v in record.items() if k != "on_delivery"})
        if len(self._again) > 20:
            sent.repeated += 1
            self._producer.produce(topic, **self._again.pop(0))

    def poll(self, timeout: float) -> int:
        """As the producer's."""
        return int(self._producer.poll(timeout))

    def flush(self, timeout: float) -> int:
        """As the producer's, after what is still to be repeated."""
        for record in self._again:
            self._market.sent.repeated += 1
            self._producer.produce(RAW, **record)
        self._again.clear()
        return int(self._producer.flush(timeout))


def _spoiled(value: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Damage for which the whole envelope must be refused."""
    name = rng.choice(["unreadable", "unknown_version", "wrong_type"])
    spoil = next(fn for reason, fn in VARIANTS.items() if reason.value == name)
    return spoil(value, np.random.default_rng(rng.getrandbits(32)))
