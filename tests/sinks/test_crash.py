"""The writer killed at every step of its protocol, and at random: nothing is lost and nothing is doubled."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from sinks.balance import faults
from sinks.embedded import EmbeddedStore
from streams.records import encode
from streams.topics import ALERTS, CLEAN, REGISTRY, REJECTED, SIGNALS, SKUS
from tests.sinks import market
from tests.sinks.driver import STEPS
from tests.waiting import until

pytestmark = pytest.mark.e2e

PARTITIONS = range(4)
GROUP = "crash"
Messages = list[tuple[str, int, bytes | None]]


BLOCK_ROWS = (400, 900, 250, 2_000)
"""Each process cuts its blocks elsewhere, as it would when messages come at other times: only a block that was begun
must be the same."""


def start(
    bootstrap: str, store: object, number: int, *death: str, stdout: int | None = None
) -> subprocess.Popen[bytes]:
    """The ``number``-th writer process on a store: its directory, or the port of its server."""
    rows = str(BLOCK_ROWS[number % len(BLOCK_ROWS)])
    command = [sys.executable, "-m", "tests.sinks.driver", bootstrap, str(store), GROUP, rows, *death]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=stdout)


@contextmanager
def running(bootstrap: str, store: object) -> Iterator[None]:
    """A writer that is stopped properly at the end."""
    process = start(bootstrap, store, 3)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def left_to_write(bootstrap: str) -> int:
    """Messages that the group has not committed."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    wanted = [TopicPartition(t, p) for t in (CLEAN, REJECTED, SIGNALS, SKUS) for p in PARTITIONS]
    wanted += [TopicPartition(t, 0) for t in (ALERTS, REGISTRY)]
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP, wanted)])[GROUP].result(10)
    committed = {(p.topic, p.partition): max(p.offset, 0) for p in asked.topic_partitions or ()}
    ends = admin.list_offsets({p: OffsetSpec.latest() for p in wanted})  # type: ignore[no-untyped-call]  # untyped upstream
    return sum(end.result(10).offset - committed.get((p.topic, p.partition), 0) for p, end in ends.items())


def traffic(rounds: int, seed: int) -> tuple[Messages, list[pa.Table]]:
    """Messages of all topics with repeats as normalize makes them after a crash, and the lines without the repeats."""
    rng = random.Random(seed)
    messages: Messages = []
    fresh: list[pa.Table] = []
    sent: dict[int, list[pa.Table]] = {p: [] for p in PARTITIONS}
    for number in range(rounds):
        for p in PARTITIONS:
            table = market.lines(3, 60, partition=p, offset=4 * number, seed=seed)
            fresh.append(table)
            sent[p].append(table)
            messages.append((CLEAN, p, market.clean_message(table)))
            messages.append((REJECTED, p, encode(market.refusal(p, 4 * number + 3, whole=number % 2 == 0))))
            if rng.random() < 0.8:
                # Normalize starts again some envelopes back, and cuts its batches elsewhere.
                again = pa.concat_tables(sent[p][-4:]).slice(rng.choice((0, 60, 120)))
                messages.append((CLEAN, p, market.clean_message(again.unify_dictionaries())))
                messages.append((REJECTED, p, encode(market.refusal(p, 4 * number + 3, whole=number % 2 == 0))))
    messages += [(SIGNALS, 0, encode(market.signal(market.MONTH_END + n))) for n in (1, 2, 2, 3)]
    for number in (1, 2, 2, 3):
        # The second time, that is a description made anew, and a decision on the same article.
        sku = market.article(f"E-{number % 2}", "S", f"03{number:02d}")
        messages.append((SKUS, number % 2, encode(market.sightings(sku, at=market.MONTH_END + number))))
        verdict = market.decision("E-1", "S", "0301", at=market.MONTH_END + number)
        messages.append((REGISTRY, 0, encode(verdict)))
    messages += [(ALERTS, 0, encode(market.alert(revision))) for revision in (1, 2, 2, 3)]
    return messages, fresh


def stored(path: Path) -> tuple[market.Sums, market.Sums]:
    """Sums over the lines, and over the hourly cells (which have no ``qty``: theirs is taken from the lines).

    Every rollup is held against its lines.
    """
    store = EmbeddedStore(path)
    try:
        assert faults(store.query, None) == []
        own = store.query("SELECT count() AS n, sum(qty) AS q, sum(base_qty) AS b, sum(amount) AS a FROM sales")
        cells = store.query("SELECT sum(lines) AS n, sum(base_qty) AS b, sum(amount) AS a FROM cells_1h")
    finally:
        store.close()
    lines, cell = own.to_pylist()[0], cells.to_pylist()[0]
    return (
        market.Sums(lines["n"], lines["q"], lines["b"], lines["a"]),
        market.Sums(cell["n"], lines["q"], cell["b"], cell["a"]),
    )


def counts(path: Path) -> dict[str, Any]:
    store = EmbeddedStore(path)
    try:
        answer = store.query(
            "SELECT (SELECT count() FROM prices) AS prices, (SELECT count() FROM stock) AS stock, "
            "(SELECT sum(lines) FROM rejected) AS refused_lines, (SELECT sum(envelopes) FROM rejected) AS refused, "
            "(SELECT count() FROM signals) AS signals, (SELECT count() FROM alerts) AS alerts, "
            "(SELECT groupArray(code) FROM (SELECT code FROM skus ORDER BY enterprise)) AS skus, "
            "(SELECT count() FROM decisions) AS decisions"
        )
    finally:
        store.close()
    found: dict[str, Any] = answer.to_pylist()[0]
    return found


def expected_counts(fresh: list[pa.Table], rounds: int) -> dict[str, Any]:
    kinds = pa.concat_tables(fresh)["kind"].cast(pa.string()).to_pylist()
    refusals = rounds * len(PARTITIONS)
    return {
        "prices": kinds.count("price"),
        "stock": kinds.count("stock"),
        "refused_lines": refusals // 2 * 2,
        "refused": refusals // 2,
        "signals": 3,
        "alerts": 3,
        "skus": ["0302", "0303"],
        "decisions": 3,
    }


def test_a_writer_killed_at_every_step_leaves_the_sums_exact(quiet: str, store_path: Path) -> None:
    messages, fresh = traffic(40, seed=7)
    market.send(quiet, messages)
    for number, step in enumerate(STEPS):
        assert start(quiet, store_path, number, step, "4").wait(60) == -signal.SIGKILL
        assert left_to_write(quiet) > 0
    with running(quiet, store_path):
        until(lambda: left_to_write(quiet) == 0, 60, "everything to be written", every=0.1)
    want = market.sums_of(fresh)
    assert stored(store_path) == (want, want)
    assert counts(store_path) == expected_counts(fresh, 40)


def test_a_writer_killed_at_random_time_and_again_leaves_the_sums_exact(
    quiet: str, store_path: Path, kills: int
) -> None:
    rng = random.Random(11)
    messages, fresh = traffic(rounds := 4 * kills, seed=99)
    with trickling(quiet, messages, kills):
        for number in range(kills):
            with start(quiet, store_path, number, stdout=subprocess.PIPE) as process:
                kill_while_it_writes(process, rng)
    with running(quiet, store_path):
        until(lambda: left_to_write(quiet) == 0, 60 + 3 * kills, "everything to be written", every=0.1)
    want = market.sums_of(fresh)
    assert stored(store_path) == (want, want)
    assert counts(store_path) == expected_counts(fresh, rounds)


def kill_while_it_writes(process: subprocess.Popen[bytes], rng: random.Random) -> None:
    """SIGKILL, within the second after it has begun."""
    assert process.stdout is not None
    assert b"writing\n" in iter(process.stdout.readline, b"")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0.0, 1.0))
    process.kill()
    process.wait(10)


@contextmanager
def trickling(bootstrap: str, messages: Messages, rounds: int) -> Iterator[None]:
    """Messages come meanwhile: over some four seconds a round, and all that are left at its end."""
    over = threading.Event()

    def send() -> None:
        size = max(len(messages) // (14 * rounds), 1)
        first = 0
        while not over.wait(0.2):
            market.send(bootstrap, messages[first : first + size])
            first += size
        market.send(bootstrap, messages[first:])

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join(60)
    assert not sender.is_alive()
