"""One worker process: a Faust app around one stage, its checkpoints, its watchdog and its health."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from agents.app import ensure_changelog, make_app, source_topic, state_table
from agents.registry import Registry, RegistryReader
from agents.runner import Runner
from agents.stage import Stage
from agents.watchdog import LogEnds, Stall
from streams.observe import serve_health

log = structlog.get_logger(__name__)

STAGES: Final = ("normalize", "detect", "escalate")
_WATCH_EVERY: Final = 5.0
_SETTLE_SECONDS: Final = 5.0
"""Half of what the group waits for a member."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker needs to know; ``bootstrap`` and ``partitions`` are those of the cluster."""

    bootstrap: str
    partitions: int
    data_dir: Path
    tick_ms: int = 300_000
    idle_ms: int = 1_800_000
    lateness_ms: int = 600_000
    checkpoint_seconds: float = 0.5
    stall_seconds: float = 60.0
    health_port: int = 0


def make_stage(name: str, config: WorkerConfig, registry: Registry) -> Stage:
    """The stage of that name. Raises ValueError for another name."""
    # Imported where they are used: a worker takes the memory and the start of its own stage alone.
    match name:
        case "normalize":
            from agents.normalize.stage import NormalizeStage

            return NormalizeStage(registry, config.partitions, config.tick_ms, config.idle_ms)
        case "detect":
            from agents.detect import DetectStage
            from agents.panels import Panels
            from detectors.rulebook import load_rulebook

            book = load_rulebook()
            return DetectStage(config.tick_ms, config.idle_ms, book, config.lateness_ms, Panels(book.numbers))
        case "escalate":
            from agents.escalate import EscalateStage
            from detectors.rulebook import rulebooks

            return EscalateStage(registry.counties, rulebooks())
    raise ValueError(f"expected a stage, one of {', '.join(STAGES)}; got {name!r}")


class Worker:
    """Runs until it is told to stop, or until something fails that only a restart can mend."""

    def __init__(self, name: str, config: WorkerConfig) -> None:
        self._name = name
        self._config = config
        self._reader = RegistryReader(config.bootstrap, goods=name == "normalize")
        self._stopped = asyncio.Event()
        self._wrong: str | None = "starting"
        self._stall = Stall(config.stall_seconds)

    async def run(self) -> int:
        """Returns the exit status: 0 when told to stop, 1 when it failed."""
        for noisy in ("faust", "mode", "aiokafka"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        # A busy loop makes Faust's timers late; that is no news.
        logging.getLogger("mode.timers").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        serve_health(self._config.health_port, lambda: self._wrong)
        await loop.run_in_executor(None, self._reader.start)
        config = self._config
        app = make_app(self._name, config.bootstrap, config.partitions, config.data_dir)
        stage = make_stage(self._name, config, self._reader.registry)
        table = state_table(app, self._name, config.partitions)
        await loop.run_in_executor(None, ensure_changelog, table, config.bootstrap, config.partitions)
        runner = Runner(self._name, app, table, stage)
        app.agent(source_topic(app, stage.source, config.partitions), name=self._name)(self._guarded(runner.consume))
        app.on_partitions_revoked.connect(_forgetting(runner))
        await app.start()
        self._wrong = None
        log.info("worker ready", stage=self._name)
        tasks = [
            asyncio.create_task(self._checkpoints(runner)),
            asyncio.create_task(self._watch(runner, stage.source)),
            asyncio.create_task(self._until_crash(app)),
        ]
        await self._stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._wrong is None:
            await runner.checkpoint()
        await app.stop()
        self._reader.stop()
        return 1 if self._wrong else 0

    def fail(self, why: str) -> None:
        """End the worker: what it holds beyond its last checkpoint is delivered again."""
        log.error("worker fails", stage=self._name, why=why)
        self._wrong = why
        self._stopped.set()

    def _guarded(self, consume: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def run(stream: Any) -> None:
            try:
                await consume(stream)
            except Exception as error:
                log.exception("stream failed")
                self.fail(repr(error))

        return run

    async def _checkpoints(self, runner: Runner) -> None:
        while True:
            await asyncio.sleep(self._config.checkpoint_seconds)
            try:
                await runner.checkpoint()
            except Exception as error:
                log.exception("checkpoint failed")
                self.fail(repr(error))

    async def _watch(self, runner: Runner, topic: str) -> None:
        ends = LogEnds(self._config.bootstrap, topic)
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(_WATCH_EVERY)
                positions = {p: offset + 1 for p, offset in runner.positions.items()}
                known = await loop.run_in_executor(None, ends.ask, list(positions))
                stalled = self._stall.check(time.monotonic(), positions, known)
                if stalled:
                    self.fail(
                        f"{topic} partitions {stalled} stand still for {self._config.stall_seconds} s with work left"
                    )
        finally:
            ends.close()

    async def _until_crash(self, app: Any) -> None:
        await app.wait_until_stopped()
        if not self._stopped.is_set():
            self.fail(f"Faust stopped: {app.crash_reason!r}")


def _forgetting(runner: Runner) -> Callable[..., Any]:
    async def forget(*_: Any, **__: Any) -> None:
        await runner.settle(_SETTLE_SECONDS)
        runner.revoked()

    return forget


def run(stage: str, config: WorkerConfig) -> int:
    """Run the worker of one stage in this process until SIGTERM or SIGINT; returns its exit status."""

    async def main() -> int:
        return await Worker(stage, config).run()

    return asyncio.run(main())
