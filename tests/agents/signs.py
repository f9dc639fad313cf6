"""Three counties whose tills send every hour, from envelopes to verdicts: normalize, detect and panel put together."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from agents.detect import DetectStage
from agents.identify.chain import Chain
from agents.normalize.stage import NormalizeStage
from agents.panels import Panels
from agents.registry import Registry
from agents.stage import Incoming, Outgoing, Stage
from detectors import panel
from detectors.pace import DAY_MS, HOUR_MS
from detectors.panel import Frame, Panel, Verdicts
from detectors.rulebook import load_rulebook
from detectors.supply import Verdict
from streams.columns import CELLS_BEFORE, CELLS_SCHEMA, TOLD, from_bytes, to_bytes
from streams.records import MappingRecord, Signal, TerminalRecord, encode
from streams.ticks import tick_of
from streams.topics import CELLS
from tests.agents.till import NOW, OIL, PARTITIONS, PORK, SALT, by_word, record
from tests.detectors.market import open_hours

COUNTIES = ("330602", "330603", "330604")
SHOPS = 4
"""of each county, each of an enterprise of its own"""
DAYS = 15
FIRST = tick_of(NOW, DAY_MS) - DAYS * DAY_MS
IDLE = TICK = 1_800_000
Sales = Callable[[int, int], float | None]
"""From county and shop to how many times the usual it sells; 0: a beat; None: nothing is heard of it"""
Blocks = tuple[dict[bytes, bytes], ...]


@dataclass
class Signs:
    """What came of the hours since it was made."""

    verdicts: list[list[Verdict]] = field(default_factory=list)
    """by bar and county"""
    heard: list[list[float]] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)


class City:
    """Two workers, that start from blocks where there are any; ``old`` sends cells as they were before this."""

    def __init__(self, hour: int = 0, blocks: Blocks = ({}, {}), *, old: bool = False) -> None:
        self.normalize, self.detect = _normalize(), _detect()
        self._hours, self._old = count(hour), old
        self._messages = count(10_000 * hour)
        self._restore(blocks)

    def blocks(self) -> Blocks:
        return self.normalize.dirty(), self.detect.dirty()

    def trade(self, hours: int, sales: Sales, *, restart: bool = False, twice: bool = False) -> Signs:
        """So many further hours; with ``restart`` both workers start anew in each, with ``twice`` all comes twice."""
        signs = Signs()
        known: list[dict[bytes, bytes]] = [{}, {}]
        for _, hour in zip(range(hours), self._hours, strict=False):
            for envelope in _sold(hour, sales):
                self.normalize.apply(envelope)
            with _noting(signs):
                for message in self._cells(self.normalize.drain()):
                    for _ in range(2 if twice else 1):
                        self.detect.apply(message)
            signs.signals += [msgspec.json.decode(o.value, type=Signal) for o in self.detect.drain()]
            if restart:
                for all_, some in zip(known, self.blocks(), strict=True):
                    all_ |= some
                self._restore((known[0], known[1]))
        return signs

    def _cells(self, sent: Iterable[Outgoing]) -> Iterator[Incoming]:
        for o in sent:
            if o.topic == CELLS:
                value = _as_before(o.value) if self._old else o.value
                yield Incoming(CELLS, 0, next(self._messages), 0, o.key, value, {})

    def _restore(self, blocks: Blocks) -> None:
        stages: tuple[Stage, ...] = (self.normalize, self.detect)
        for stage, its in zip(stages, blocks, strict=True):
            stage.reset()
            for key, block in its.items():
                stage.restore(key, block)


def _normalize() -> NormalizeStage:
    known = Registry()
    for c, county in enumerate(COUNTIES):
        for s in range(SHOPS):
            known.apply(encode(TerminalRecord(f"T-{c}{s}", f"E-{s}", county)))
    for s in range(SHOPS):
        known.apply(encode(MappingRecord(f"E-{s}", [SALT, PORK, OIL])))
    return NormalizeStage(known, PARTITIONS, TICK, IDLE, Chain(known, by_word).describe)


def _detect() -> DetectStage:
    rulebook = load_rulebook()
    return DetectStage(TICK, IDLE, rulebook, 600_000, Panels(rulebook.numbers))


def _sold(hour: int, sales: Sales) -> Iterator[Incoming]:
    """An envelope of each shop at the end of the hour: one line of each of three goods, where anything is sold."""
    start = FIRST + hour * HOUR_MS
    for c in range(len(COUNTIES)):
        for s in range(SHOPS):
            lift = sales(c, s)
            if lift is None:
                continue
            packs = np.random.default_rng([hour, c, s]).poisson(40.0 * lift * open_hours(start), 3)
            units = (("SALT", "袋"), ("PORK", "kg"), ("OIL", "桶"))
            rows = [
                {"ts": start + 60_000 * s, "sku": sku, "unit": unit, "qty": 1000 * int(n), "amount": 250 * int(n)}
                for (sku, unit), n in zip(units, packs, strict=True)
                if n
            ]
            name = f"T-{c}{s}"
            number = (hour * len(COUNTIES) + c) * SHOPS + s
            yield record(number, hour + 1, *rows, terminal=name, sent_at=start + HOUR_MS, timestamp=start + HOUR_MS)


def _as_before(value: bytes) -> bytes:
    """The cells as they were before there were chains and presence."""
    table = from_bytes(value, CELLS_SCHEMA)
    kept = table.filter(pa.array([code != TOLD for code in table["code"].to_pylist()], pa.bool_()))
    table = kept.drop_columns(["chains"]).cast(CELLS_BEFORE).replace_schema_metadata(table.schema.metadata)
    return to_bytes(table.combine_chunks())


@contextmanager
def _noting(signs: Signs) -> Iterator[None]:
    step = panel.step

    def noted(state: Panel, frame: Frame, start_ms: int) -> Verdicts:
        said = step(state, frame, start_ms)
        assert said.verdicts is not None
        assert frame.heard is not None
        signs.verdicts.append([Verdict(v) for v in said.verdicts.tolist()])
        signs.heard.append(frame.heard.tolist())
        return said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panel, "step", noted)
        yield
