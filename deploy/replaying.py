"""A replay: a file of real sales through terminals, Kafka and everything behind it, on a system of its own."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.books import Books, read_books
from deploy.drain import Drain
from deploy.listener import Listener
from deploy.local import LocalSystem
from deploy.settings import Settings
from deploy.words import alert_line, raised_line, rfc3339
from streams.kafka import producer_config
from streams.records import Alert
from streams.replay import Replay, drive
from streams.terminal import Fleet, publish_registry

STILL_SECONDS: Final = 120.0

Say = Callable[[str], None]


class RaisedAlert(msgspec.Struct, frozen=True):
    """An alert as ``replay --json`` prints it: times in RFC 3339, ``level`` the highest that it reached."""

    kind: str
    level: str
    region: str
    commodity: str
    onset: str
    detected: str


class Summary(msgspec.Struct, frozen=True):
    """What ``replay --json`` prints; ``seconds`` from the first line sent until all had gone through."""

    lines: int
    stored: int
    rejected: int
    seconds: float
    alerts: list[RaisedAlert]


@dataclass(frozen=True, slots=True)
class Played:
    """The summary, and what a person may want beside it."""

    summary: Summary
    alerts: list[Alert]
    """newest revision of each"""
    books: Books
    memory: dict[str, int]


def play(replay: Replay, settings: Settings, *, speed: float | None, say: Say, console: Console) -> Played:
    """Run it in a temporary data directory that is removed afterwards.

    Raises DeployError where the system fails, DeliveryError where the broker does not take all.
    """
    with tempfile.TemporaryDirectory(prefix="infopump-replay-") as scratch:
        own = _settings(settings, replay, Path(scratch))
        with LocalSystem(own, talk=say) as system:
            publish_registry(system.bootstrap, replay.terminals, replay.mappings)
            token = own.gateway.token
            listener = Listener(system.gateway_url, token.get_secret_value() if token else None, say)
            if speed is not None:
                say(f"the board shows it: {system.gateway_url}/")
            try:
                began = time.monotonic()
                lines = _send(replay, system, listener, speed=speed, say=say, console=console)
                seconds = time.monotonic() - began
                raised = _heard(listener, system)
            finally:
                listener.end()
            books = read_books(system.socket)
            alerts = [_raised(a) for a in sorted(raised, key=lambda a: (a.detected, a.alert_id))]
            summary = Summary(lines, books.stored, books.rejected, round(seconds, 3), alerts)
            return Played(summary, raised, books, system.memory())


def _send(
    replay: Replay, system: LocalSystem, listener: Listener, *, speed: float | None, say: Say, console: Console
) -> int:
    """Send all lines and wait until they have gone through every stage; returns their number."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar, Producer(producer_config(system.bootstrap)) as out:
        sending = bar.add_task("lines sent", total=replay.lines)

        def progress(lines: int) -> None:
            system.check()
            bar.update(sending, completed=lines)
            for alert in listener.new():
                say(alert_line(alert))

        lines = drive(replay, Fleet(out), speed=speed, progress=progress)
        following = bar.add_task("stages catch up", total=None)

        def caught_up(group: str, lag: int) -> None:
            bar.update(following, completed=lag, description=f"{group}, records to go")

        Drain(system.bootstrap).wait(STILL_SECONDS, progress=caught_up, failed=lambda: system.failure)
    return lines


def _settings(settings: Settings, replay: Replay, data_dir: Path) -> Settings:
    detect = settings.detect.model_copy(
        update={"tick_seconds": replay.tick_ms // 1000, "idle_seconds": replay.idle_ms // 1000}
    )
    # Free ports, and no cluster: nothing of this may meet a system that runs.
    return settings.model_copy(
        update={
            "data_dir": data_dir,
            "detect": detect,
            "kafka": settings.kafka.model_copy(update={"bootstrap": None, "port": 0}),
            "store": settings.store.model_copy(update={"path": None}),
            "gateway": settings.gateway.model_copy(update={"port": 0}),
            "health": settings.health.model_copy(update={"base_port": 0}),
        }
    )


def _heard(listener: Listener, system: LocalSystem) -> list[Alert]:
    """The newest revision of each alert, once the WebSocket client has them all."""
    from sinks.query import ask

    sql = "SELECT alert_id, max(revision) AS revision FROM infopump.alerts GROUP BY alert_id"
    stored = {row["alert_id"]: row["revision"] for row in ask(system.socket, sql).to_pylist()}
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        newest = listener.last()
        if all(i in newest and newest[i].revision >= revision for i, revision in stored.items()):
            return list(newest.values())
        system.check()
        time.sleep(0.05)
    return list(listener.last().values())


def _raised(alert: Alert) -> RaisedAlert:
    return RaisedAlert(
        kind=alert.kind,
        level=alert.peak_level,
        region=alert.region,
        commodity=alert.commodity,
        onset=rfc3339(alert.onset),
        detected=rfc3339(alert.detected),
    )


def summary_lines(played: Played, replay: Replay) -> list[str]:
    """The summary for a terminal."""
    s = played.summary
    lines = [
        f"rows of the file  {replay.rows:,} ({replay.malformed} malformed)",
        f"lines             sent {s.lines:,}, stored {s.stored:,}, rejected {s.rejected:,}",
        f"seconds           {s.seconds:.1f}, {s.lines / max(s.seconds, 0.001):,.0f} lines/s through the whole system",
    ]
    lines += [f"  left out: {p}" for p in replay.problems]
    lines += [f"memory            {name} {size / 2**20:,.0f} MiB" for name, size in sorted(played.memory.items())]
    lines.append(f"alerts            {len(played.alerts)}")
    return lines + [f"  {raised_line(alert)}" for alert in sorted(played.alerts, key=lambda a: a.detected)]
