"""One sale from the till to the alert, on the real broker and the real engine, read by a client nobody here wrote."""

import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from deploy import runfile
from deploy.cli.common import CommandError
from deploy.cli.root import app
from deploy.drain import Drain
from deploy.local import LocalSystem
from deploy.reconciling import Reconciliation, lines_of
from sinks.query import ask
from streams.kafka import producer_config
from streams.records import Acknowledged, Heartbeat, encode
from streams.topics import HEARTBEATS
from tests.e2e.market import STEP_MS, Market, Sent
from tests.waiting import until

pytestmark = pytest.mark.e2e


class Client:
    """A plain WebSocket client; it comes back when the gateway goes, and keeps every event that it is given."""

    def __init__(self, url: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._url = url.replace("http", "ws", 1) + "/ws"
        self._over = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        """Come back no more."""
        self._over.set()

    def _read(self) -> None:
        while not self._over.is_set():
            try:
                with connect(self._url, proxy=None) as socket:
                    for text in socket:
                        message = json.loads(text)
                        self.events += message.get("snapshot", [])
                        if "event" in message:
                            self.events.append(message["event"])
            except (ConnectionClosed, OSError):
                self._over.wait(0.1)

    def alerts(self, kind: str, commodity: str) -> list[dict[str, Any]]:
        """Revisions of that kind and commodity, as they came."""
        data = [event["data"] for event in self.events]
        return [a for a in data if a["kind"] == kind and a["commodity"] == commodity]


@pytest.fixture
def client(system: LocalSystem) -> Iterator[Client]:
    with closing(Client(system.gateway_url)) as made:
        yield made


def assert_the_sums_are_equal(system: LocalSystem, sent: Sent) -> None:
    """Lines, quantity and amount in the store and in its rollup are what was sent, to the unit."""
    sql = "SELECT count() AS n, sum(qty) AS qty, sum(amount) AS amount FROM infopump.sales"
    assert ask(system.socket, sql).to_pylist() == [{"n": sent.sales, "qty": sent.qty, "amount": sent.amount}]
    rest = "SELECT (SELECT count() FROM infopump.prices) + (SELECT count() FROM infopump.stock) AS n"
    assert ask(system.socket, rest).to_pylist() == [{"n": sent.lines - sent.sales}]
    rollup = "SELECT sum(amount) AS amount FROM infopump.cells_1h"
    assert ask(system.socket, rollup).to_pylist() == [{"amount": sent.amount}]


def assert_it_reconciles(system: LocalSystem, sent: Sent) -> None:
    """Terminal by terminal and day by day nothing is lost or doubled, and all rollups are the sums of their lines."""
    result = Reconciliation(system.bootstrap, lambda sql: ask(system.socket, sql)).run()
    assert lines_of(result)[-1].startswith("equal"), lines_of(result)
    assert sum(count.acknowledged or 0 for count in result.counts) == sent.lines
    assert sum(count.stored for count in result.counts) == sent.lines


def assert_a_promise_that_was_not_kept_is_found(system: LocalSystem, market: Market) -> None:
    """A terminal says that a line more was acknowledged than came: the command names it and exits with 1."""
    words = ["--data-dir", str(system.data_dir), "reconcile"]
    assert CliRunner().invoke(app, words).exit_code == 0
    terminal = market.scenario.rush.county
    with Producer(producer_config(system.bootstrap)) as producer:
        beat = Heartbeat(terminal, 1, 2_000_000_000_000, 9, 0, [Acknowledged("2026-01-19", 1, 7)])
        producer.produce(HEARTBEATS, value=encode(beat), key=terminal.encode())
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, CommandError)
    assert f"DIFFERS  2026-01-19  {terminal}: 7 lines were acknowledged, 0 came" in done.stdout


def assert_the_rush_was_told(client: Client, market: Market) -> None:
    """The salt rush came out as one alert whose level rose, begun after its onset in the county where it began."""
    rush = market.scenario.rush

    def told() -> list[dict[str, Any]]:
        return client.alerts("panic_buying", rush.commodity)

    until(lambda: any(a["level"] in ("II", "III") for a in told()), 60, "a panic-buying alert of level III")
    # The last one: after a crash a city that is behind may be heard of late, and then onset and detection move back.
    last = max(told(), key=lambda a: a["revision"])
    assert rush.onset_ms - STEP_MS <= last["onset"] <= rush.onset_ms + 30 * 60_000
    assert rush.onset_ms < last["detected"] <= rush.onset_ms + 60 * 60_000
    assert rush.county in {c["region"] for a in told() for c in a["counties"]}
    assert len({a["alert_id"] for a in told()}) == 1


def test_a_surge_goes_in_and_the_alert_comes_out_and_damaged_and_repeated_envelopes_change_no_sum(
    system: LocalSystem, client: Client
) -> None:
    market = Market(system.bootstrap, damage=0.01, repeat=0.05)
    for _ in market.play():
        system.check()
    Drain(system.bootstrap).wait(60, failed=lambda: system.failure)
    assert market.sent.damaged > 20
    assert market.sent.repeated > 100
    assert_the_rush_was_told(client, market)
    assert_the_sums_are_equal(system, market.sent)
    assert_it_reconciles(system, market.sent)
    assert_a_promise_that_was_not_kept_is_found(system, market)
    sql = "SELECT reason, sum(envelopes) AS n FROM infopump.rejected GROUP BY reason"
    refused = {row["reason"]: row["n"] for row in ask(system.socket, sql).to_pylist()}
    assert set(refused) == {"unreadable", "unknown_version", "wrong_type"}
    assert sum(refused.values()) == market.sent.damaged


def test_every_process_is_killed_again_and_again_and_nothing_is_lost_or_doubled(
    system: LocalSystem, client: Client
) -> None:
    rng = random.Random(3)
    market = Market(system.bootstrap, repeat=0.05)
    struck: list[int] = []
    victims = ["normalize", "detect", "escalate", "writer", "gateway", "normalize", "writer", "detect"]
    for step, _ in enumerate(market.play()):
        system.check()
        if victims and step % 9 == 8:
            _kill(system, victims.pop(), rng, struck)
    Drain(system.bootstrap).wait(90, failed=lambda: system.failure)
    until(lambda: not any(system.troubles().values()), 60, "every process is well again")
    assert len(struck) == 8
    running = runfile.read(system.data_dir)
    assert running is not None
    assert not {p.pid for p in running.processes.values()} & set(struck)
    assert_the_sums_are_equal(system, market.sent)
    assert_it_reconciles(system, market.sent)
    assert_the_rush_was_told(client, market)
    revisions = "SELECT count() AS n, uniqExact(alert_id, revision) AS different FROM infopump.alerts"
    (row,) = ask(system.socket, revisions).to_pylist()
    assert row["n"] == row["different"] > 0


def _kill(system: LocalSystem, name: str, rng: random.Random, struck: list[int]) -> None:
    """SIGKILL at some moment within the next half second, whatever it is doing then."""

    def strike() -> None:
        running = runfile.read(system.data_dir)
        if running and name in running.processes:
            os.kill(running.processes[name].pid, signal.SIGKILL)
            struck.append(running.processes[name].pid)

    threading.Timer(rng.uniform(0.0, 0.5), strike).start()
