"""The demonstration: a simulated market on the whole system, four weeks of its past, then a salt rush, live."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Producer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy import runfile
from deploy.books import Books, read_books
from deploy.drain import Drain
from deploy.listener import Listener
from deploy.local import LocalSystem, SystemRunning
from deploy.settings import Settings
from deploy.story import Beat, Verdict, beats, judge, verdict_lines
from deploy.tables import plain_table
from deploy.words import alert_line, china_time
from sinks.query import ask
from streams.kafka import producer_config
from streams.simulate import Player, Scenario, Simulator, rush_of_march_2011
from streams.terminal import Fleet, publish_registry
from streams.topics import HOUR_MS
from streams.world import make_world

SHOPS: Final = 240
HISTORY_DAYS: Final = 28
SPEED: Final = 60.0
SEED: Final = 2011
OPENING_HOUR: Final = 10
ONSET_MS: Final = 2 * 60_000
"""after trading goes live"""
PATIENCE_MS: Final = 5 * HOUR_MS
"""simulated time after the onset in which the story must have been told"""
DIRTY_EVERY_MS: Final = 10 * 60_000
STILL_SECONDS: Final = 120.0
NOTE: Final = "演示：模拟数据，时间快 60 倍 · demonstration: simulated data, time runs 60 times as fast"
QUESTION: Final = """\
SELECT toHour(ts, 'Asia/Shanghai') AS hour,
       sumIf(base_qty, ts >= now_) / 1000 AS kg_today,
       sumIf(base_qty, ts < now_ - INTERVAL 6 DAY) / 1000 AS kg_week_ago
FROM infopump.sales, (SELECT toStartOfDay(max(ts), 'Asia/Shanghai') AS now_ FROM infopump.sales) AS latest
WHERE code = '1001' AND city = '3306' AND (ts >= now_ OR ts BETWEEN now_ - INTERVAL 7 DAY AND now_ - INTERVAL 6 DAY)
GROUP BY hour HAVING kg_today > 0 ORDER BY hour"""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demonstration shows at its end."""

    sent: int
    """clean lines; those of dirty envelopes are copies, and every one of them must be refused"""
    dirty_envelopes: int
    books: Books
    verdict: Verdict


def opening(now: float) -> int:
    """10:00 in China on the day before ``now`` (seconds), ms UTC: so fast a clock must not run into the future."""
    local = time.gmtime(now - 24 * 3600 + 8 * 3600)
    midnight = (local.tm_hour * 60 + local.tm_min) * 60 + local.tm_sec
    return int(now - 24 * 3600 - midnight) * 1000 + OPENING_HOUR * HOUR_MS


class Demo:
    """One run of the demonstration on a data directory of its own, which is emptied first."""

    def __init__(self, settings: Settings, say: Say, console: Console) -> None:
        data_dir = settings.data_dir / "demo"
        detect = settings.detect.model_copy(update={"tick_seconds": 300, "idle_seconds": 8 * 86_400})
        gateway = settings.gateway.model_copy(update={"demo_note": NOTE})
        self._settings = settings.model_copy(update={"data_dir": data_dir, "detect": detect, "gateway": gateway})
        self._say = say
        self._console = console
        self._start = opening(time.time())
        world = make_world(SEED, SHOPS)
        self._scenario: Scenario = rush_of_march_2011(world, self._start + ONSET_MS)
        self._simulator = Simulator(world, SEED, self._scenario.events)
        self._beats: list[Beat] = beats(self._scenario)
        self._began = time.monotonic()

    def run(self, *, once: bool) -> Outcome:
        """Play it. With ``once`` it ends when the story is told, else it trades on until Ctrl-C.

        Raises DeployError where the system fails or a figure does not add up.
        """
        if runfile.read(self._settings.data_dir):
            raise SystemRunning(f"a demonstration already runs on {self._settings.data_dir}: stop it first")
        shutil.rmtree(self._settings.data_dir, ignore_errors=True)
        with LocalSystem(self._settings, talk=self._say) as system:
            self._say(f"the system is up after {time.monotonic() - self._began:.0f} s; logs in {system.logs}")
            world = self._simulator.world
            publish_registry(system.bootstrap, world.terminals(), world.mappings())
            token = self._settings.gateway.token
            listener = Listener(system.gateway_url, token.get_secret_value() if token else None, self._say)
            try:
                with Producer(producer_config(system.bootstrap)) as producer:
                    fleet = Fleet(producer)
                    player = Player(self._simulator, fleet, dirty_every_ms=DIRTY_EVERY_MS)
                    self._play_history(system, fleet, player)
                    self._say(
                        f"live from {china_time(self._start)}, {SPEED:.0f} times as fast as the clock; "
                        f"board: {system.gateway_url}/"
                    )
                    self._play_live(system, player, listener, once=once)
                    return self._close(system, fleet, player, listener)
            finally:
                listener.end()

    def _play_history(self, system: LocalSystem, fleet: Fleet, player: Player) -> None:
        began = time.monotonic()
        total = 0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            sending = bar.add_task(f"{HISTORY_DAYS} days of history, lines", total=None)
            total = player.history(HISTORY_DAYS, self._start, lambda n: bar.update(sending, completed=n))
            fleet.flush()
            fleet.heartbeats()
            following = bar.add_task("stages catch up, records to go", total=None)
            Drain(system.bootstrap).wait(
                STILL_SECONDS,
                progress=lambda group, lag: bar.update(following, completed=lag, description=f"{group}, records to go"),
                failed=lambda: system.failure,
            )
        seconds = time.monotonic() - began
        self._say(
            f"history: {total:,} lines of {SHOPS} shops in 3 provinces, {HISTORY_DAYS} days, through the whole system "
            f"in {seconds:.1f} s: {total / seconds:,.0f} lines/s"
        )

    def _play_live(self, system: LocalSystem, player: Player, listener: Listener, *, once: bool) -> None:
        coming = list(self._beats)
        closed = False

        def step(now: int) -> None:
            nonlocal closed
            system.check()
            while coming and coming[0].at <= now:
                beat = coming.pop(0)
                self._say(f"{china_time(beat.at)}  TRUTH      {beat.text}")
            for alert in listener.new():
                if alert.updated > self._start:
                    self._say(f"{china_time(now)}  ALERT      {alert_line(alert)}")
            if not closed and self._told(listener, now):
                closed = True
                if not once:
                    self._farewell(system, judge(self._scenario, listener.revisions))
                    self._say("trading goes on; Ctrl-C stops everything")

        player.live(self._start, SPEED, lambda: closed and once, step)

    def _told(self, listener: Listener, now: int) -> bool:
        verdict = judge(self._scenario, listener.revisions)
        whole = "II" in verdict.levels and verdict.gouge_delay is not None
        return whole or now > self._scenario.rush.onset_ms + PATIENCE_MS

    def _close(self, system: LocalSystem, fleet: Fleet, player: Player, listener: Listener) -> Outcome:
        sent = fleet.flush().lines_sent
        fleet.heartbeats()
        Drain(system.bootstrap).wait(STILL_SECONDS, failed=lambda: system.failure)
        listener.new()
        books = read_books(system.socket)
        verdict = judge(self._scenario, listener.revisions)
        self._farewell(system, verdict)
        self._say(
            f"\nlines                sent {sent:,}, stored {books.stored:,}, rejected {books.rejected:,} and "
            f"{books.rejected_envelopes} unreadable envelopes, out of {player.dirty_envelopes} dirty envelopes"
        )
        for name, size in sorted(system.memory().items()):
            self._say(f"memory               {name:<10} {size / 2**20:6.0f} MiB")
        return Outcome(sent, player.dirty_envelopes, books, verdict)

    def _farewell(self, system: LocalSystem, verdict: Verdict) -> None:
        self._say("")
        for line in verdict_lines(verdict):
            self._say(line)
        where = f"infopump --data-dir {self._settings.data_dir}"
        self._say(f"\nthe board            {system.gateway_url}/")
        self._say(f"subscribe            {where} subscribe")
        self._say(f'ask the store        {where} query --as auditor "SQL"')
        self._say("for example: salt sold in Shaoxing, today and a week ago")
        self._say(QUESTION)
        self._say(plain_table(ask(system.socket, QUESTION)))
