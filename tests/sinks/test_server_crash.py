"""Writer and server killed, each at its worst moment: what stands in the server is what was sent, rollups included."""

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from tests.sinks import market
from tests.sinks.server import NoServerError, Server
from tests.sinks.server_driver import DATABASE, STEPS
from tests.sinks.test_crash import BLOCK_ROWS, GROUP, left_to_write, traffic, trickle
from tests.waiting import until

pytestmark = pytest.mark.e2e

ROLLUPS = ("cells_1h", "sales_1d", "items_1d")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    try:
        made = Server(tmp_path_factory.mktemp("server"))
    except NoServerError as error:
        pytest.skip(f"no server: {error}")
    yield made
    made.stop()


@pytest.fixture
def empty(server: Server) -> Server:
    """The server, without our database."""
    server.ask(f"DROP DATABASE IF EXISTS {DATABASE}")
    return server


def start(bootstrap: str, server: Server, number: int, *death: str) -> subprocess.Popen[bytes]:
    """The ``number``-th writer process on the server."""
    rows = str(BLOCK_ROWS[number % len(BLOCK_ROWS)])
    command = [sys.executable, "-m", "tests.sinks.server_driver", bootstrap, str(server.port), GROUP, rows, *death]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2])


@contextmanager
def running(bootstrap: str, server: Server) -> Iterator[None]:
    """A writer that is stopped properly at the end."""
    process = start(bootstrap, server, 3)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def stored(server: Server) -> list[market.Sums]:
    """Sums over the lines, and over each rollup (which have no ``qty``: theirs is taken from the lines)."""
    lines, qty, base_qty, amount = server.ask(
        "SELECT count(), sum(qty), sum(base_qty), sum(amount) FROM sales", DATABASE
    )[0]
    found = [market.Sums(lines, qty, base_qty, amount)]
    for table in ROLLUPS:
        n, b, a = server.ask(f"SELECT sum(lines), sum(base_qty), sum(amount) FROM {table}", DATABASE)[0]
        found.append(market.Sums(n, qty, b, a))
    return found


def written(server: Server) -> int:
    """How many lines of sales stand in the server; 0 while it does not answer, or has no table yet."""
    found = server.ask(
        f"SELECT sum(rows) FROM system.parts WHERE database = '{DATABASE}' AND table = 'sales' AND active"
    )
    return int(found[0][0]) if found else 0


def assert_exact(server: Server, fresh: list[pa.Table], rounds: int) -> None:
    assert stored(server) == [market.sums_of(fresh)] * (1 + len(ROLLUPS))
    kinds = pa.concat_tables(fresh)["kind"].cast(pa.string()).to_pylist()
    counted = "SELECT (SELECT count() FROM prices), (SELECT count() FROM stock), (SELECT sum(lines) FROM rejected)"
    assert server.ask(counted, DATABASE) == [(kinds.count("price"), kinds.count("stock"), rounds * 4 // 2 * 2)]
    assert server.ask("SELECT count() FROM alerts FINAL", DATABASE) == [(3,)]


def test_a_writer_killed_at_every_step_leaves_the_sums_in_the_server_exact(quiet: str, empty: Server) -> None:
    messages, fresh = traffic(24, seed=7)
    market.send(quiet, messages)
    for number, step in enumerate(STEPS):
        assert start(quiet, empty, number, step, "2").wait(90) == -signal.SIGKILL
        assert left_to_write(quiet) > 0
    with running(quiet, empty):
        until(lambda: left_to_write(quiet) == 0, 90, "everything to be written", every=0.1)
    assert_exact(empty, fresh, 24)


def test_a_server_killed_in_the_middle_of_inserts_loses_and_doubles_nothing(quiet: str, empty: Server) -> None:
    """The writer goes on trying, and now and then is killed with the server."""
    rng = random.Random(5)
    messages, fresh = traffic(40, seed=21)
    sender = threading.Thread(target=trickle, args=(quiet, messages), daemon=True)
    sender.start()
    writer = start(quiet, empty, 0)
    try:
        for number in range(6):
            seen = written(empty)
            until(lambda seen=seen: written(empty) > seen, 60, "lines to be written", every=rng.uniform(0.01, 0.08))  # type: ignore[misc]
            empty.kill()
            if number % 3 == 2:
                writer.kill()
                writer.wait(10)
            empty.start()
            if writer.poll() is not None:
                writer = start(quiet, empty, number)
        sender.join(60)
        until(lambda: left_to_write(quiet) == 0, 90, "everything to be written", every=0.1)
    finally:
        writer.send_signal(signal.SIGTERM)
    assert writer.wait(30) == 0
    assert_exact(empty, fresh, 40)
