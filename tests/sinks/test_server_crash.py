"""Writer and server killed, each at its worst moment: what stands in the server is what was sent, rollups included."""

import random
import signal

import pyarrow as pa
import pytest

from tests.sinks import market
from tests.sinks.driver import DATABASE, SERVER_STEPS
from tests.sinks.server import Server
from tests.sinks.test_crash import left_to_write, running, start, traffic, trickling
from tests.waiting import until

pytestmark = pytest.mark.e2e

ROLLUPS = ("cells_1h", "sales_1d", "items_1d", "brand_contributions_1d")


@pytest.fixture
def empty(server: Server) -> Server:
    """The server, without our database."""
    server.ask(f"DROP DATABASE IF EXISTS {DATABASE}")
    return server


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
    for number, step in enumerate(SERVER_STEPS):
        assert start(quiet, empty.port, number, step, "2").wait(90) == -signal.SIGKILL
        assert left_to_write(quiet) > 0
    with running(quiet, empty.port):
        until(lambda: left_to_write(quiet) == 0, 90, "everything to be written", every=0.1)
    assert_exact(empty, fresh, 24)


def test_server_and_writer_killed_in_the_middle_of_inserts_lose_and_double_nothing(
    quiet: str, empty: Server, kills: int
) -> None:
    """By turns the server, the writer, and both; a writer whose server goes goes on trying."""
    rng = random.Random(5)
    messages, fresh = traffic(rounds := 4 * kills, seed=21)
    writer = start(quiet, empty.port, 0)
    try:
        with trickling(quiet, messages, kills):
            for number in range(kills):
                seen = written(empty)
                until(lambda seen=seen: written(empty) > seen, 60, "lines to be written", every=rng.uniform(0.01, 0.08))  # type: ignore[misc]
                if number % 3 != 1:
                    empty.kill()
                if number % 3 != 0:
                    writer.kill()
                    writer.wait(10)
                if number % 3 != 1:
                    empty.start()
                if writer.poll() is not None:
                    writer = start(quiet, empty.port, number)
        writer.kill()
        writer.wait(10)
        # Another time with large blocks: what is left would take the smallest ones minutes.
        writer = start(quiet, empty.port, 3)
        until(lambda: left_to_write(quiet) == 0, 90 + 3 * kills, "everything to be written", every=0.1)
    finally:
        writer.send_signal(signal.SIGTERM)
    assert writer.wait(30) == 0
    assert_exact(empty, fresh, rounds)
