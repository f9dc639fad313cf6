"""The writer against a real broker: a store that fails, is slow, or is the real one."""

import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pyarrow as pa
import pytest
from confluent_kafka import KafkaException

from sinks.config import WriterConfig
from sinks.query import StoreNotRunning, ask
from sinks.store import InsertError
from sinks.writer import Writer
from streams.records import encode
from streams.topics import ALERTS, CLEAN, REJECTED, SIGNALS
from tests.sinks import market
from tests.waiting import until

pytestmark = pytest.mark.e2e


class MemoryStore:
    """Keeps rows in memory; the same token counts once."""

    def __init__(self) -> None:
        self.inserted: dict[str, tuple[str, pa.Table]] = {}

    def migrate(self) -> None:
        raise NotImplementedError

    def retain(self, years: int) -> None:
        raise NotImplementedError

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        self.inserted.setdefault(token, (table, rows))

    def query(self, sql: str) -> pa.Table:
        raise NotImplementedError

    def look_up(self, sql: str) -> pa.Table:
        assert "FROM terminal_seqs" in sql
        return pa.table({"terminal_id": pa.array([], pa.string()), "seq": pa.array([], pa.int64())})

    def close(self) -> None:
        raise NotImplementedError

    def rows(self, table: str) -> int:
        return sum(rows.num_rows for name, rows in list(self.inserted.values()) if name == table)

    def lines(self) -> int:
        return sum(self.rows(table) for table in ("sales", "prices", "stock"))


class FailingStore(MemoryStore):
    """Fails before, or after, it has the rows, until it is mended."""

    def __init__(self, *, after: bool) -> None:
        super().__init__()
        self.broken, self.tries, self._after = True, 0, after

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        self.tries += 1
        if self._after:
            super().insert(table, rows, token)
        if self.broken:
            raise InsertError("no space left on device")
        super().insert(table, rows, token)


class SlowStore(MemoryStore):
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def insert(self, table: str, rows: pa.Table, token: str) -> None:
        self.go.wait(60)
        super().insert(table, rows, token)


@pytest.fixture
def make(quiet: str, tmp_path: Path) -> Iterator[Callable[..., Writer]]:
    """Writers that are closed at the end."""
    made: list[Writer] = []

    def one(store: MemoryStore, block_rows: int = 500, flush_seconds: float = 0.1) -> Writer:
        config = WriterConfig(quiet, tmp_path, block_rows, flush_seconds, group="test")
        made.append(Writer(config, store))
        return made[-1]

    yield one
    for writer in made:
        writer.close()


def stepping(writer: Writer, condition: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    def step() -> bool:
        writer.step(0.02)
        return bool(condition())

    until(step, timeout, what, every=0.0)


def backlog(bootstrap: str, messages: int, *, first: int = 0) -> list[pa.Table]:
    tables = [market.lines(2, 50, partition=n % 4, offset=2 * (n // 4)) for n in range(first, first + messages)]
    market.send(bootstrap, [(CLEAN, n % 4, market.clean_message(t)) for n, t in enumerate(tables, first)])
    return tables


def test_what_is_sent_is_stored(quiet: str, make: Callable[..., Writer]) -> None:
    tables = backlog(quiet, 40)
    market.send(quiet, [(REJECTED, 1, encode(market.refusal(1, 3))), (SIGNALS, 2, encode(market.signal()))])
    market.send(quiet, [(ALERTS, 0, encode(market.alert())), (ALERTS, 0, None)])
    store = MemoryStore()
    writer = make(store)
    assert writer.health() == "no partitions are assigned yet"
    stepping(writer, lambda: store.lines() == 4000 and store.rows("alerts") and store.rows("signals"), "all rows")
    stepping(writer, lambda: store.rows("rejected"), "the refusal")
    sums = market.sums_of(tables)
    sold = pa.concat_tables(rows for name, rows in store.inserted.values() if name == "sales")
    assert market.sums_of([sold]) == sums
    assert writer.health() is None


@pytest.mark.parametrize("after", [False, True], ids=["before the rows landed", "after the rows landed"])
def test_a_failing_store_is_tried_again_and_nothing_is_lost_or_doubled(
    quiet: str, make: Callable[..., Writer], after: bool
) -> None:
    backlog(quiet, 40)
    store = FailingStore(after=after)
    writer = make(store)
    stepping(writer, lambda: store.tries >= 3, "three tries")
    said = writer.health() or ""
    assert "no space left on device" in said
    assert "rows wait" in said
    store.broken = False
    stepping(writer, lambda: store.lines() == 4000, "all rows")
    stepping(writer, lambda: writer.health() is None, "good health")


def test_a_slow_store_costs_neither_memory_nor_the_membership(quiet: str, make: Callable[..., Writer]) -> None:
    tables = backlog(quiet, 400)
    total = sum(t.num_rows for t in tables)
    store = SlowStore()
    writer = make(store, block_rows=200)
    stepping(writer, lambda: writer._feed.paused, "fetching to stop")
    held = writer._waiting()
    limit = 12 * 200 + 100 * 100  # what may be held, and one batch of messages more
    assert held < limit < total
    until_later = time.monotonic() + 1.0
    stepping(writer, lambda: time.monotonic() > until_later, "a second of waiting")
    assert writer._waiting() == held
    assert len(writer._buffers) == 23
    store.go.set()
    stepping(writer, lambda: store.lines() == total, "all rows")
    assert not writer._feed.paused


def test_messages_that_cannot_be_read_are_rows_and_the_stream_goes_on(quiet: str, make: Callable[..., Writer]) -> None:
    good = market.clean_message(market.lines(1, 10))
    wrong_home = market.clean_message(market.lines(1, 10, partition=2))
    messages = [b"junk", good, b"", good[:-200], wrong_home, None]
    market.send(quiet, [(CLEAN, 0, value) for value in messages])
    market.send(quiet, [(t, 0, b"{}") for t in (REJECTED, SIGNALS, ALERTS)])
    store = MemoryStore()
    writer = make(store)
    stepping(writer, lambda: store.rows("rejected") >= 8 and store.lines() == 10, "all rows")
    found = pa.concat_tables(rows for name, rows in store.inserted.values() if name == "rejected").to_pylist()
    by_source = {(row["source"], row["raw_offset"]): row["reason"] for row in found}
    assert by_source == {
        (CLEAN, 0): "unreadable",
        (CLEAN, 2): "unreadable",
        (CLEAN, 3): "unreadable",
        (CLEAN, 4): "internal",
        (CLEAN, 5): "unreadable",
        (REJECTED, 0): "unreadable",
        (SIGNALS, 0): "unreadable",
        (ALERTS, 0): "unreadable",
    }
    assert sum(row["lines"] + row["envelopes"] for row in found) == 0


def test_a_second_writer_takes_over_and_the_first_is_shut_out(quiet: str, make: Callable[..., Writer]) -> None:
    """A store has one writer: two that hold the same partitions would each think that they commit."""
    backlog(quiet, 20)
    first_store, second_store = MemoryStore(), MemoryStore()
    first = make(first_store)
    stepping(first, lambda: first_store.lines() == 2000, "the first to write")
    second = make(second_store)
    with ThreadPoolExecutor(1) as pool:
        joined = pool.submit(stepping, second, lambda: second.health() is None, "the second to join")
        with pytest.raises(KafkaException, match="fenced"):
            stepping(first, lambda: False, "the first to be shut out")
        joined.result()
    backlog(quiet, 20, first=20)
    stepping(second, lambda: second_store.lines() == 2000, "the second to write the rest")


def test_the_process_writes_answers_questions_shows_its_health_and_stops_when_told(
    quiet: str, store_path: Path, tmp_path: Path
) -> None:
    socket = tmp_path / "run" / "s.sock"
    code = (
        "from pathlib import Path; from sinks.config import WriterConfig; from sinks.writer import run; "
        "from streams.observe import setup_logs; setup_logs('writer', json=True); "
        f"run(WriterConfig({quiet!r}, Path({str(store_path)!r}), flush_seconds=0.2, socket=Path({str(socket)!r})))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    try:
        assert process.stderr
        port = int(
            next(line for line in process.stderr if '"health_port"' in line).split('"health_port": ')[1].split(",")[0]
        )
        until(lambda: get(port, "/healthz") == (200, "ok"), 30, "good health")
        backlog(quiet, 20)
        sent = time.monotonic()
        until(lambda: ask(socket, "SELECT sum(lines) AS n FROM cells_1h")["n"][0].as_py(), 20, "rows to be queryable")
        assert time.monotonic() - sent < 10
        total = "SELECT (SELECT count() FROM sales) + (SELECT count() FROM prices) + (SELECT count() FROM stock) AS n"
        until(lambda: ask(socket, total)["n"][0].as_py() == 2000, 20, "all rows")
        counted = 'infopump_writer_rows_total{table="sales"}'
        until(lambda: counted in get(port, "/metrics")[1], 10, "the rows to be counted")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
    assert not socket.exists()
    with pytest.raises(StoreNotRunning):
        ask(socket, "SELECT 1")


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
