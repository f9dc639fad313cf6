"""The registry as this worker knows it: terminals, and the SKU mappings of their enterprises."""

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka import consumer_config
from streams.records import Mapping, MappingRecord, RegistryRecord, TerminalRecord
from streams.topics import REGISTRY

log = structlog.get_logger(__name__)

_decoder: Final = msgspec.json.Decoder(RegistryRecord)
_MISS_INTERVAL: Final = 1.0


class Registry:
    """Terminals and mappings in memory. ``on_miss`` is called, at most once a second, before a terminal is unknown."""

    def __init__(self, on_miss: Callable[[], None] = lambda: None) -> None:
        self.terminals: dict[str, TerminalRecord] = {}
        self._mappings: dict[str, dict[str, Mapping]] = {}
        self._versions: dict[str, int] = {}
        self._on_miss = on_miss
        self._asked = -_MISS_INTERVAL
        self.changes = 0
        """grows whenever a terminal is added or moved"""

    def apply(self, value: bytes) -> None:
        """Take one record; a bad one is logged and left out."""
        try:
            record = _decoder.decode(value)
        except msgspec.DecodeError as error:
            log.warning("bad registry record", error=str(error))
            return
        if isinstance(record, TerminalRecord):
            if self.terminals.get(record.terminal_id) != record:
                self.terminals[record.terminal_id] = record
                self.changes += 1
        elif isinstance(record, MappingRecord):
            known = self._mappings.setdefault(record.enterprise, {})
            known.update((m.sku, m) for m in record.mappings)
            self._versions[record.enterprise] = self._versions.get(record.enterprise, 0) + 1

    def terminal(self, terminal_id: str) -> TerminalRecord | None:
        """The terminal, looked for once more in the topic before it is called unknown."""
        found = self.terminals.get(terminal_id)
        if found is None and time.monotonic() - self._asked >= _MISS_INTERVAL:
            self._on_miss()
            self._asked = time.monotonic()
            found = self.terminals.get(terminal_id)
        return found

    def mappings(self, enterprise: str) -> dict[str, Mapping]:
        """SKU mappings of an enterprise, the same object for ever."""
        return self._mappings.setdefault(enterprise, {})

    def version(self, enterprise: str) -> int:
        """Grows with each change of the enterprise's mappings."""
        return self._versions.get(enterprise, 0)

    def counties(self) -> frozenset[str]:
        """Counties with at least one registered terminal: the monitored area."""
        return frozenset(t.county for t in list(self.terminals.values()))


class RegistryReader:
    """Keeps a Registry up to date from the topic, in a thread; ``catch_up`` reads to the end that stands now."""

    def __init__(self, bootstrap: str) -> None:
        self.registry = Registry(self.catch_up)
        # No group is joined and nothing committed: every worker reads the whole topic.
        self._consumer = Consumer(consumer_config(bootstrap, "infopump-registry-reader"))
        self._partition = TopicPartition(REGISTRY, 0, 0)
        self._lock = threading.Lock()
        self._next = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="registry", daemon=True)

    def start(self) -> None:
        """Read what is there, then follow."""
        self._consumer.assign([self._partition])
        self.catch_up(timeout=30.0)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and leave."""
        self._stop.set()
        self._thread.join(5.0)
        self._consumer.close()

    def catch_up(self, timeout: float = 5.0) -> None:
        """Apply all records written before this call; a broker that does not answer in time is logged."""
        deadline = time.monotonic() + timeout
        with self._lock:
            try:
                _, end = self._consumer.get_watermark_offsets(self._partition, timeout=timeout)
            except KafkaException as error:
                log.warning("registry not reached", error=str(error))
                return
            while self._next < end and time.monotonic() < deadline:
                self._poll(0.2)

    def _follow(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                self._poll(0.0)
            self._stop.wait(0.2)

    def _poll(self, timeout: float) -> None:
        for message in self._consumer.consume(1000, timeout):
            if message.error() is not None:
                log.warning("registry", error=str(message.error()))
                continue
            self._next = (message.offset() or 0) + 1
            value = message.value()
            if value:
                self.registry.apply(value)
