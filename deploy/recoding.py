"""Recoding: past lines whose article is known as something else by now are corrected in the store.

The protocol of a job, whose number is the time of its start:

1. Send to each partition of ``pos.clean`` that the job begins, and wait until the writer has passed that. From there on
   it drops what earlier jobs still had on their way, so that the store's answers hold.
2. Ask the store which lines hold and are known as something else.
3. For each page of them send the corrections: one message, which the writer takes whole or not at all.
4. Wait until the writer has them, and ask again: nothing may be left.

A job that ends anywhere leaves lines that are corrected and lines that are not; the next one finds the others.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from agents.naming.content import content
from agents.naming.measure import measure
from deploy.errors import DeployError
from sinks.corrections import KEEP, Change, begin, correct, marked
from sinks.recodes import After, page, plan
from sinks.schema import LINE_TABLES
from streams.columns import CLEAN_SCHEMA, CONTENT, to_bytes
from streams.envelope import CONTENT_TYPE
from streams.kafka import producer_config
from streams.taxonomy import UNCLASSIFIED, node
from streams.topics import CLEAN, REGISTRY, SKUS

PAGE: Final = 10_000
"""Lines corrected by one message: some 1 MB, and far below its limit with the longest texts."""
_AT_ONCE: Final = 5
WRITER: Final = "infopump-writer"
PATIENCE: Final = 120.0
_KIND: Final = {"prices": "price", "stock": "stock"}

Ask = Callable[[str], pa.Table]


class RecodeError(DeployError):
    """A job could not do all that it was to do; running it again goes on."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Lines of one article in one table and raw partition that are to get another code."""

    table: str
    raw_partition: int
    enterprise: str
    sku: str
    name: str
    code: str
    new_code: str
    lines: int
    amount: int
    """fen"""


def planned(ask: Ask, since: int) -> list[Planned]:
    """What a job would do to the lines from ``since`` (ms UTC) on. Raises QueryError."""
    return [Planned(table, **row) for table in LINE_TABLES for row in ask(plan(table, since)).to_pylist()]


def by_article(todo: Sequence[Planned]) -> list[dict[str, object]]:
    """Sums over the raw partitions, the most lines first: what a person wants to read."""
    sums: dict[tuple[str, ...], list[int]] = {}
    names: dict[tuple[str, ...], str] = {}
    for one in todo:
        key = (one.table, one.enterprise, one.sku, one.code, one.new_code)
        names.setdefault(key, one.name)
        so_far = sums.setdefault(key, [0, 0])
        so_far[0] += one.lines
        so_far[1] += one.amount
    return [
        {"table": table, "enterprise": enterprise, "sku": sku, "name": names[table, enterprise, sku, code, new_code]}
        | {"code": code, "new_code": new_code, "lines": lines, "amount": amount}
        for (table, enterprise, sku, code, new_code), (lines, amount) in sorted(
            sums.items(), key=lambda item: (-item[1][0], item[0])
        )
    ]


class Recoding:
    """One job. Raises RecodeError where the broker or the writer does not take what it sends.

    Parameters
    ----------
    bootstrap
        The broker.
    ask
        Answers a question to the store that ``group`` writes.
    now
        ms UTC: the number of the job, and when its lines are known otherwise.
    patience
        Seconds without progress of the broker or the writer after which it gives up.
    """

    def __init__(
        self, bootstrap: str, ask: Ask, *, now: int, group: str = WRITER, rows: int = PAGE, patience: float = PATIENCE
    ) -> None:
        self._ask, self._now, self._group, self._rows, self._patience = ask, now, group, rows, patience
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
        self._producer = Producer(producer_config(bootstrap))
        self._sent: dict[tuple[str, int], int] = {}
        self._failed: list[str] = []

    def run(self, since: int, progress: Callable[[int, int], None] = lambda _done, _all: None) -> list[Planned]:
        """Correct the lines from ``since`` (ms UTC) on; returns what was done.

        ``progress`` is told how many lines are corrected, and how many there are.
        """
        self._begin()
        todo = planned(self._ask, since)
        lines, done = sum(p.lines for p in todo), 0
        progress(done, lines)
        for table, partition, code in sorted({(p.table, p.raw_partition, p.code) for p in todo}):
            for held in self._pages(table, partition, code, since):
                self.send(partition, corrections(table, held, self._now))
                done += held.num_rows
                progress(done, lines)
        self._wait(self._sent)
        if left := sum(p.lines for p in planned(self._ask, since)):
            raise RecodeError(
                f"{left} lines are still known as something else: a later job runs, or there were new decisions. "
                "Run it again"
            )
        return todo

    def send(self, partition: int, rows: pa.Table) -> None:
        """Send one message of corrections and wait until the broker has it. Raises RecodeError."""
        value = to_bytes(marked(rows.unify_dictionaries().combine_chunks(), self._now))
        headers: list[tuple[str, str | bytes | None]] = [(CONTENT_TYPE, CONTENT.encode())]
        self._producer.produce(CLEAN, value, b"recode", partition, self._delivered, headers=headers)
        waiting = self._producer.flush(self._patience)
        if waiting or self._failed:
            raise RecodeError(f"the broker did not take a correction: {(self._failed or ['no answer'])[0]}")

    def _begin(self) -> None:
        topics = self._admin.list_topics(timeout=self._patience).topics
        if missing := {CLEAN, REGISTRY, SKUS} - topics.keys():
            raise RecodeError(f"the broker has no {', '.join(sorted(missing))}: `infopump topics` makes them")
        for partition in sorted(topics[CLEAN].partitions):
            self.send(partition, begin(self._now))
        # Decisions, and what followed from them, that were there when the job began are in the store as well.
        others = [TopicPartition(topic, p) for topic in (REGISTRY, SKUS) for p in topics[topic].partitions]
        ends = self._admin.list_offsets({p: OffsetSpec.latest() for p in others})  # type: ignore[no-untyped-call]  # untyped upstream
        reach = {(p.topic, p.partition): end.result(self._patience).offset for p, end in ends.items()}
        self._wait(self._sent | reach)

    def _pages(self, table: str, partition: int, code: str, since: int) -> Iterator[pa.Table]:
        """The lines to correct, as many at a time as a message takes; the store is asked for several at once."""
        after: After | None = None
        limit = _AT_ONCE * self._rows
        while True:
            held = self._ask(page(table, since, partition, code, after, limit))
            for start in range(0, held.num_rows, self._rows):
                yield held.slice(start, self._rows)
            if held.num_rows < limit:
                return
            after = After(*(held[name][-1].as_py() for name in After._fields))

    def _wait(self, reach: dict[tuple[str, int], int]) -> None:
        """Until the writer has committed these offsets; 0 is reached from the first."""
        wanted = [TopicPartition(*key) for key, offset in sorted(reach.items()) if offset]
        best, deadline = -1, time.monotonic() + self._patience
        while wanted:
            asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self._group, wanted)])
            found = asked[self._group].result(self._patience).topic_partitions or ()
            if all(p.offset >= reach[p.topic, p.partition] for p in found):
                return
            done = sum(max(p.offset, 0) for p in found)
            if done > best:
                best, deadline = done, time.monotonic() + self._patience
            if time.monotonic() > deadline:
                raise RecodeError(
                    f"the writer has not moved for {self._patience:.0f} s: does one run? Run this again then"
                )
            time.sleep(0.1)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))
            return
        self._sent[CLEAN, message.partition() or 0] = (message.offset() or 0) + 1


def corrections(table: str, held: pa.Table, at: int) -> pa.Table:
    """The entries that correct the lines of a page (``sinks.recodes.page``), made at ``at`` (ms UTC)."""
    n = held.num_rows
    absent = {
        "kind": pa.array([_KIND.get(table, "")] * n, pa.string()),
        "amount": pa.array(np.zeros(n, np.int64)),
        "unit_price": pa.array(np.zeros(n, np.int64)),
        "promo": pa.array(np.zeros(n, np.bool_)),
    }
    lines = pa.table({name: held[name] if name in LINE_TABLES[table] else absent[name] for name in CLEAN_SCHEMA.names})
    codes = held["new_code"].to_pylist()
    change = Change(
        code=held["new_code"],
        sku=held["article"],
        brand=held["new_brand"],
        confidence=held["new_confidence"],
        per_unit=_per_unit(held, codes),
        unclassified=np.array([code == UNCLASSIFIED for code in codes], np.bool_),
    )
    return correct(lines, change, at)


def _per_unit(held: pa.Table, codes: Sequence[str]) -> npt.NDArray[np.int64]:
    columns = [held[name].to_pylist() for name in ("unit", "name", "code", "described", "content")]
    return np.array([_measure(*row) for row in zip(codes, *columns, strict=True)], np.int64)


@cache
def _measure(code: str, unit: str, name: str, before: str, described: int, known: int) -> int:
    """g, ml or thousandths of a piece in one unit: as decided, as described, as it was, or as the name says."""
    base = node(code).base_unit
    if known and (decided := measure(unit, base, None, known, code).per_unit):
        return decided
    if described:
        return described
    if base == node(before).base_unit:
        return KEEP
    return measure(unit, base, content(name), code=code).per_unit
