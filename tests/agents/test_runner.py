"""The checkpoint protocol: outputs before state before positions, and nothing committed that is not safe."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from agents.runner import Runner
from agents.stage import Incoming, Outgoing

CHANGELOG = "changelog"


class CountingStage:
    """Sends every value on, and remembers how many it has seen by key."""

    source = "in"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.seen: dict[bytes, int] = {}
        self._out: list[Outgoing] = []

    def apply(self, record: Incoming) -> None:
        if record.value == b"poison":
            raise RuntimeError("a fault of the stage")
        key = record.key or b""
        self.seen[key] = self.seen.get(key, 0) + 1
        self._out.append(Outgoing("out", key, record.value))

    def drain(self) -> list[Outgoing]:
        out, self._out = self._out, []
        return out

    def dirty(self) -> dict[bytes, bytes]:
        return {key: str(n).encode() for key, n in self.seen.items()}

    def restore(self, key: bytes, block: bytes) -> None:
        self.seen[key] = int(block)


class RecordingProducer:
    """Acknowledges at once and notes the order; ``on_send`` may fail or do mischief."""

    def __init__(self, log: list[str], on_send: Callable[[str], None] = lambda _: None) -> None:
        self._log, self._on_send = log, on_send

    async def send(self, topic: str, _key: bytes, value: bytes, *_: Any) -> Any:
        self._on_send(topic)
        self._log.append(f"{topic} {value.decode()}")
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(None)
        return acknowledged


class Table(dict[bytes, bytes]):
    """A Faust table as far as the runner uses one."""

    changelog_topic = SimpleNamespace(get_topic_name=lambda: CHANGELOG)

    @property
    def data(self) -> dict[bytes, bytes]:
        return self


class Stream:
    """Gives the events and ends."""

    def __init__(self, log: list[str], *values: bytes) -> None:
        self._log, self._values = log, values

    def noack(self) -> "Stream":
        return self

    async def events(self) -> Any:
        for offset, value in enumerate(self._values):
            message = SimpleNamespace(
                topic="in", partition=0, offset=offset, timestamp=1.0, key=b"k", value=value, headers=None
            )
            yield SimpleNamespace(message=message, ack=lambda at=offset: self._log.append(f"ack {at}"))


def make(log: list[str], on_send: Callable[[str], None] = lambda _: None) -> tuple[Runner, CountingStage, Table]:
    stage, table = CountingStage(), Table()
    app = SimpleNamespace(producer=RecordingProducer(log, on_send))
    return Runner("test", app, table, stage), stage, table


async def test_outputs_go_before_state_and_state_before_positions() -> None:
    log: list[str] = []
    runner, _, table = make(log)
    await runner.consume(Stream(log, b"a", b"b"))
    assert log == []
    await runner.checkpoint()
    assert log == ["out a", "out b", f"{CHANGELOG} 2", "ack 0", "ack 1"]
    assert table == {b"k": b"2"}
    assert runner.positions == {0: 1}


@pytest.mark.parametrize(("failing", "before"), [("out", []), (CHANGELOG, ["out a"])])
async def test_nothing_is_committed_when_outputs_or_state_do_not_arrive(failing: str, before: list[str]) -> None:
    log: list[str] = []

    def fail(topic: str) -> None:
        if topic == failing:
            raise ConnectionError("the broker went")

    runner, _, table = make(log, fail)
    await runner.consume(Stream(log, b"a"))
    with pytest.raises(ConnectionError):
        await runner.checkpoint()
    assert log == before
    assert table == {}


async def test_race_partitions_that_go_during_a_checkpoint_get_neither_our_state_nor_our_positions() -> None:
    log: list[str] = []
    runner, stage, table = make(log, lambda topic: runner.revoked() if topic == "out" else None)
    await runner.consume(Stream(log, b"a"))
    await runner.checkpoint()
    assert log == ["out a"]
    assert table == {}
    assert stage.seen == {}
    assert runner.positions == {}


class HoldingProducer(RecordingProducer):
    """Holds what goes to the changelog until it is let go."""

    def __init__(self, log: list[str]) -> None:
        super().__init__(log)
        self.held, self.go = asyncio.Event(), asyncio.Event()

    async def send(self, topic: str, _key: bytes, value: bytes, *_: Any) -> Any:
        if topic == CHANGELOG:
            self.held.set()
            await self.go.wait()
        return await super().send(topic, _key, value)


async def test_race_no_state_is_sent_after_the_partitions_went() -> None:
    log: list[str] = []
    runner, _, _ = make(log)
    producer = HoldingProducer(log)
    runner._app.producer = producer
    await runner.consume(Stream(log, b"a"))
    checkpoint = asyncio.create_task(runner.checkpoint())
    await producer.held.wait()
    settled = asyncio.create_task(runner.settle(30.0))
    settled.add_done_callback(lambda _: log.append("settled"))
    producer.go.set()
    await asyncio.gather(checkpoint, settled)
    assert log == ["out a", f"{CHANGELOG} 1", "ack 0", "settled"]


async def test_partitions_go_though_a_checkpoint_never_ends() -> None:
    log: list[str] = []
    runner, _, _ = make(log)
    producer = HoldingProducer(log)
    runner._app.producer = producer
    await runner.consume(Stream(log, b"a"))
    checkpoint = asyncio.create_task(runner.checkpoint())
    await producer.held.wait()
    await runner.settle(0.0)
    runner.revoked()
    producer.go.set()
    await checkpoint
    assert "ack 0" not in log


async def test_after_a_rebalance_the_stage_goes_on_from_the_table() -> None:
    log: list[str] = []
    runner, stage, _ = make(log)
    await runner.consume(Stream(log, b"a"))
    await runner.checkpoint()
    await runner.consume(Stream(log, b"not checkpointed"))
    runner.revoked()
    await runner.consume(Stream(log, b"again"))
    assert stage.seen == {b"k": 2}


async def test_a_record_that_the_stage_fails_on_is_left_out_and_the_stream_goes_on() -> None:
    log: list[str] = []
    runner, _, _ = make(log)
    await runner.consume(Stream(log, b"a", b"poison", b"b"))
    await runner.checkpoint()
    assert log == ["out a", "out b", f"{CHANGELOG} 2", "ack 0", "ack 1", "ack 2"]
