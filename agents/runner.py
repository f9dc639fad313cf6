"""Runs a stage under the checkpoint protocol, so that state and position never disagree after a crash.

A checkpoint, in numbered steps:

1. capture, in one piece: the stage's outputs, its changed state blocks, the events they follow from;
2. send the outputs and wait until the brokers have them;
3. write the blocks to the table's changelog and wait until the brokers have them;
4. acknowledge the events: Faust commits their offsets.

Killed before 3, the events are applied again on the older state and the same outputs are sent again: consumers drop
them by their identity. Killed between 3 and 4, the events come again and the state says that they are applied.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from agents.stage import Incoming, Outgoing, Stage

log = structlog.get_logger(__name__)

MAX_PENDING: Final = 2_000
MAX_PENDING_BYTES: Final = 32 << 20
"""Records, or bytes of them, after which a checkpoint is taken without waiting for the clock."""
_records = Counter("infopump_stage_records", "Records applied", ["stage"])
_failed = Counter("infopump_stage_failed_records", "Records that a stage failed on", ["stage"])
_sent = Counter("infopump_stage_sent", "Records sent", ["stage", "topic"])
_checkpoint_seconds = Histogram("infopump_stage_checkpoint_seconds", "Time of a checkpoint", ["stage"])
_pending = Gauge("infopump_stage_pending_records", "Records applied but not yet committed", ["stage"])


class Runner:
    """Feeds one stage from a Faust stream. ``positions`` holds the last applied offset by partition."""

    def __init__(self, name: str, app: Any, table: Any, stage: Stage) -> None:
        self._name = name
        self._app = app
        self._table = table
        self._stage = stage
        self._events: list[Any] = []
        self._bytes = 0
        self._checkpointing = asyncio.Lock()
        self._restored = False
        self._generation = 0
        self.positions: dict[int, int] = {}

    async def settle(self, seconds: float) -> None:
        """Wait for a checkpoint under way before the partitions go, for no longer than that.

        A block that is sent once they have gone may land behind one of their new owner, and be read back instead of it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._checkpointing:
                pass

    def revoked(self) -> None:
        """The partitions may move: forget what is not checkpointed; it will be delivered again to whoever has them."""
        self._generation += 1
        self._restored = False
        self._events.clear()
        self._bytes = 0
        self.positions.clear()
        self._stage.reset()

    async def consume(self, stream: Any) -> None:
        """Apply every record; offsets are acknowledged by checkpoints alone."""
        async for event in stream.noack().events():
            if not self._restored:
                self._restore()
            self._apply(event)
            if len(self._events) >= MAX_PENDING or self._bytes >= MAX_PENDING_BYTES:
                await self.checkpoint()

    def _restore(self) -> None:
        # Faust delivers nothing before the table has been read back from its changelog.
        for key, block in self._table.items():
            self._stage.restore(key, block)
        log.info("state restored", blocks=len(self._table))
        self._restored = True

    def _apply(self, event: Any) -> None:
        message = event.message
        record = Incoming(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            timestamp=int(message.timestamp * 1000) if message.timestamp else 0,
            key=message.key,
            value=message.value or b"",
            headers=dict(message.headers or ()),
        )
        try:
            self._stage.apply(record)
        except Exception:
            # A record must not stop the stream: it is left out, loudly.
            log.exception("record failed", topic=record.topic, partition=record.partition, offset=record.offset)
            _failed.labels(self._name).inc()
        self._events.append(event)
        self._bytes += len(record.value)
        self.positions[message.partition] = message.offset
        _records.labels(self._name).inc()
        _pending.labels(self._name).set(len(self._events))

    async def checkpoint(self) -> None:
        """Take a checkpoint, if there is anything to commit. Raises whatever Kafka raises: the worker must restart."""
        async with self._checkpointing:
            if not self._events:
                return
            generation = self._generation
            with _checkpoint_seconds.labels(self._name).time():
                # 1. capture: no await in between
                events, self._events, self._bytes = self._events, [], 0
                outputs, blocks = self._stage.drain(), self._stage.dirty()
                # 2. outputs
                await self._send(outputs)
                # 3. state, unless the partitions went in the meantime: their new owner's must not be overwritten
                if generation == self._generation:
                    await self._save(blocks)
            # 4. positions
            if generation == self._generation:
                for key, block in blocks.items():
                    # Not table[key]: that would send the block a second time, without waiting for it.
                    self._table.data[key] = block
                for event in events:
                    event.ack()
            _pending.labels(self._name).set(len(self._events))

    async def _send(self, outputs: list[Outgoing]) -> None:
        producer = self._app.producer
        futures = []
        for o in outputs:
            headers = list(o.headers.items()) or None
            futures.append(await producer.send(o.topic, o.key, o.value, o.partition, None, headers))
            _sent.labels(self._name, o.topic).inc()
        await asyncio.gather(*futures)

    async def _save(self, blocks: dict[bytes, bytes]) -> None:
        topic = self._table.changelog_topic.get_topic_name()
        futures = []
        for key, block in blocks.items():
            futures.append(await self._app.producer.send(topic, key, block, None, None, None))
        await asyncio.gather(*futures)
