"""Reconciliation of a running system: ``pos.raw`` is read through, the store is asked, and both are compared.

First what terminals said is noted, then the ends of the topics; what comes later is left out of the comparison, so that
a system that runs can be proved as well as one that is at rest.
"""

# ruff: noqa: S608
# Every name in these statements is our own.

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.errors import DeployError
from sinks import balance
from sinks.reconcile import LISTED, Count, Held, Place, Raw, Sent, Told, compare
from sinks.rollups import of_day
from streams.codec import read
from streams.envelope import CONTENT_TYPE
from streams.kafka import consumer_config
from streams.ticks import china_day
from streams.topics import CLEAN, HEARTBEATS, RAW, REJECTED

NORMALIZE: Final = "infopump-normalize"
WRITER: Final = "infopump-writer"
_BATCH: Final = 500
_POLL: Final = 0.25

Ask = Callable[[str], pa.Table]
Ends = dict[tuple[str, int], int]
Progress = Callable[[str, int, int], None]
"""what is done, how much of it, out of how much"""


class ReconcileError(DeployError):
    """What is to be compared is not there yet, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Counts by terminal and day, and what does not add up in the rollups."""

    counts: list[Count]
    rollups: list[str]
    unreadable: int
    """envelopes that were refused whole because nobody could read what they held"""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.rollups and not any(count.faults for count in self.counts)


class Reconciliation:
    """One comparison.

    Parameters
    ----------
    bootstrap
        The broker.
    ask
        Answers SQL with every table in sight.
    patience
        Seconds that stages may take to come to where the topics ended when it began.
    progress
        Is told what is done, for bars.
    """

    def __init__(
        self, bootstrap: str, ask: Ask, *, patience: float = 60.0, progress: Progress = lambda *_: None
    ) -> None:
        self._bootstrap = bootstrap
        self._ask = ask
        self._patience = patience
        self._progress = progress
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})

    def run(self, day: date | None = None) -> Reconciled:
        """Compare one day of China, or all. Raises ReconcileError, KafkaException, QueryError."""
        self._passed(WRITER, self._ends(HEARTBEATS))
        told = self._told(day)
        ends = self._ends(RAW)
        self._passed(NORMALIZE, ends)
        self._passed(WRITER, self._ends(CLEAN) | self._ends(REJECTED))
        starts = self._ends(RAW, first=True)
        refused, whole = self._refused()
        wanted = None if day is None else day.isoformat()
        raw, read_whole = Raw(), set[Place]()
        for one in self._sent(starts, ends):
            if one.place in whole:
                read_whole.add(one.place)
            if wanted is None or one.day == wanted:
                raw.add(one, refused=one.place in whole)
        held = [row for row in self._held(day) if row.place[1] < ends.get((RAW, row.place[0]), 0)]
        for row in held:
            if row.place[1] < starts.get((RAW, row.place[0]), 0):
                raw.forgot(row, refused.get(row.place, 0))
        counts = compare(raw, held, refused, told)
        done = 0

        def balanced() -> None:
            nonlocal done
            done += 1
            self._progress("rollups", done, len(balance.BALANCES))

        unreadable = len(whole) - len(read_whole)
        return Reconciled(counts, balance.faults(self._ask, day, balanced), unreadable)

    def _told(self, day: date | None) -> dict[tuple[str, str], Told]:
        within = "" if day is None else f"WHERE day = '{day.isoformat()}'"
        answer = self._ask(
            "SELECT terminal_id, toString(day) AS of, toInt64(sum(n)) AS lines, max(s) AS seq, argMax(w, t) AS spooled "
            "FROM (SELECT terminal_id, day, session, argMax(lines, at) AS n, argMax(seq, at) AS s, "
            f"argMax(spooled, at) AS w, max(at) AS t FROM acknowledged {within} GROUP BY terminal_id, day, session) "
            "GROUP BY terminal_id, day"
        )
        return {
            (str(row["terminal_id"]), row["of"]): Told(row["lines"], row["seq"], row["spooled"] > 0)
            for row in answer.to_pylist()
        }

    def _held(self, day: date | None) -> Iterator[Held]:
        """Rows of ``envelopes``, by raw partition: an answer has its limits."""
        within = "" if day is None else f"AND {of_day('sent_at')} = '{day.isoformat()}'"
        parts = self._ask("SELECT DISTINCT raw_partition AS p FROM envelopes ORDER BY p")["p"].to_pylist()
        for number, p in enumerate(parts):
            answer = self._ask(
                f"SELECT terminal_id, seq, toString({of_day('sent_at')}) AS day, "
                "toInt64(sum(sales) + sum(prices) + sum(stock)) AS lines, raw_offset FROM envelopes "
                f"WHERE raw_partition = {p} {within} GROUP BY terminal_id, seq, day, raw_offset"
            )
            names = ("terminal_id", "seq", "day", "lines", "raw_offset")
            columns = (answer[name].to_pylist() for name in names)
            for terminal, seq, of, lines, offset in zip(*columns, strict=True):
                yield Held(str(terminal), seq, of, lines, (p, offset))
            self._progress("envelopes in the store, partitions", number + 1, len(parts))

    def _refused(self) -> tuple[dict[Place, int], set[Place]]:
        """Refused lines of envelopes that were taken, and the envelopes that were refused whole."""
        answer = self._ask(
            "SELECT raw_partition AS p, raw_offset AS o, toInt64(sum(lines)) AS lines, max(envelopes) AS whole "
            f"FROM rejected WHERE source = '{RAW}' GROUP BY p, o"
        ).to_pylist()
        whole = {(row["p"], row["o"]) for row in answer if row["whole"]}
        return {(row["p"], row["o"]): row["lines"] for row in answer if not row["whole"]}, whole

    def _sent(self, starts: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int]) -> Iterator[Sent]:
        """Every message of ``pos.raw`` up to ``ends`` that can be read."""
        left = {p: end for (_, p), end in ends.items() if starts[RAW, p] < end}
        total = sum(end - starts[RAW, p] for p, end in left.items())
        consumer = Consumer(consumer_config(self._bootstrap, "infopump-reconcile"))
        done = 0
        try:
            consumer.assign([TopicPartition(RAW, p, starts[RAW, p]) for p in left])
            quiet = time.monotonic()
            while left:
                messages = consumer.consume(_BATCH, _POLL)
                if messages:
                    quiet = time.monotonic()
                elif time.monotonic() - quiet > self._patience:
                    raise ReconcileError(f"{RAW}: nothing came for {self._patience:.0f} s: is the broker up?")
                for message in messages:
                    if (error := message.error()) is not None:
                        raise KafkaException(error)
                    p, offset = message.partition() or 0, message.offset() or 0
                    if offset < ends[RAW, p]:
                        done += 1
                        if (one := _read(message, (p, offset))) is not None:
                            yield one
                    if offset + 1 >= ends[RAW, p]:
                        left.pop(p, None)
                self._progress(f"envelopes in {RAW}", done, total)
        finally:
            consumer.close()

    def _ends(self, topic: str, *, first: bool = False) -> Ends:
        """Where each partition of a topic ends, or begins."""
        spec = OffsetSpec.earliest() if first else OffsetSpec.latest()  # type: ignore[no-untyped-call]  # upstream
        partitions = self._admin.list_topics(topic, timeout=30).topics[topic].partitions
        found = self._admin.list_offsets({TopicPartition(topic, p): spec for p in partitions})
        return {(topic, p.partition): future.result(timeout=30).offset for p, future in found.items()}

    def _passed(self, group: str, ends: Ends) -> None:
        """Wait until a group has committed beyond ``ends``. Raises ReconcileError."""
        wanted = [TopicPartition(topic, p) for topic, p in ends]
        until = time.monotonic() + self._patience
        while True:
            asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])
            committed = {
                (p.topic, p.partition): p.offset for p in asked[group].result(timeout=30).topic_partitions or ()
            }
            behind = sum(max(0, end - max(0, committed.get(key, 0))) for key, end in ends.items())
            if not behind:
                return
            if time.monotonic() > until:
                raise ReconcileError(
                    f"{group} is {behind:,} records behind after {self._patience:.0f} s: nothing can be compared yet. "
                    "Wait until it has caught up, or look at why it stands: infopump status"
                )
            time.sleep(_POLL)


def _read(message: Message, place: Place) -> Sent | None:
    headers: list[tuple[str, bytes]] = message.headers() or []  # type: ignore[assignment]  # upstream allows str
    content_type = dict(headers).get(CONTENT_TYPE) or b""
    found = read(message.value() or b"", content_type.decode("ascii", "replace"))
    if found.envelope is None:
        return None
    header = found.envelope.header
    lines = found.envelope.lines.num_rows + len(found.refused)
    return Sent(header.terminal_id, header.seq, china_day(header.sent_at), lines, place)


def lines_of(result: Reconciled) -> list[str]:
    """The result in words: one line a day, the terminals with faults, the rollups."""
    days: dict[str, list[Count]] = {}
    for count in result.counts:
        days.setdefault(count.day, []).append(count)
    out = []
    if days:
        out.append(
            f"{'day':<10}  {'terminals':>9}  {'acknowledged':>14}  {'in pos.raw':>14}  {'stored':>14}  "
            f"{'refused':>9}  repeats"
        )
    for day, counts in days.items():
        told = [count.acknowledged for count in counts if count.acknowledged is not None]
        sums = [
            f"{sum(told):,}" if told else "not told",
            f"{sum(c.raw for c in counts):,}",
            f"{sum(c.stored for c in counts):,}",
        ]
        out.append(
            f"{day:<10}  {len(counts):>9,}  {sums[0]:>14}  {sums[1]:>14}  {sums[2]:>14}  "
            f"{sum(c.refused for c in counts):>9,}  {sum(c.repeated for c in counts):>7,}"
        )
        gone = sum(c.gone for c in counts)
        if gone:
            out.append(f"{'':<10}  {gone:,} lines came from where pos.raw no longer reaches: compared without it")
    faulty = [count for count in result.counts if count.faults]
    for count in faulty[:LISTED]:
        out.append(f"DIFFERS  {count.day}  {count.terminal_id}: {'; '.join(count.faults[:LISTED])}")
        if len(count.faults) > LISTED:
            out.append(f"         and {len(count.faults) - LISTED:,} more of this terminal")
    if len(faulty) > LISTED:
        out.append(f"         and {len(faulty) - LISTED:,} more terminals and days; --json has them all")
    if result.unreadable:
        out.append(f"{result.unreadable:,} envelopes were refused unread: how many lines they held nobody knows")
    out += [f"DIFFERS  rollup {fault}" for fault in result.rollups]
    return [*out, "equal: nothing is lost, nothing is counted twice"] if result.equal else out
