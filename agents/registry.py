"""The registry as this worker knows it: terminals, mappings, people's decisions, and what is learned from them."""

import threading
import time
from collections.abc import Callable
from sys import intern
from typing import Final

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from agents.identify.belief import Belief
from agents.identify.confirmed import Confirmed, Lesson
from agents.identify.gtin import Gtin
from agents.identify.labels import fault, read_label
from agents.identify.products import Products
from agents.journal import Changes, Journal
from agents.mappings import Mappings
from streams.kafka import consumer_config
from streams.records import (
    SPLIT,
    Decision,
    EnterpriseRecord,
    LabelLayout,
    Mapping,
    MappingRecord,
    RegistryRecord,
    TerminalRecord,
)
from streams.topics import REGISTRY

log = structlog.get_logger(__name__)

_decoder: Final = msgspec.json.Decoder(RegistryRecord)
_MISS_INTERVAL: Final = 1.0
_SINGLE: Final = 50
"""A record with more mappings than this is noted as a change of its whole enterprise."""
_START_SECONDS: Final = 120.0
"""Five million mappings take about 20 s."""
_MESSAGES: Final = 200
"""Taken at once: a record of 1,000 mappings has 70 kB."""


class Registry:
    """All of the registry in memory. One thread may apply records while others read.

    ``on_miss`` is called, at most once a second, before a terminal is unknown. Without ``goods`` only terminals are
    kept: all that the stages behind normalize ask for.
    """

    def __init__(self, on_miss: Callable[[], None] = lambda: None, *, goods: bool = True) -> None:
        self.terminals: dict[str, TerminalRecord] = {}
        self._goods = goods
        self._on_miss = on_miss
        self._asked = -_MISS_INTERVAL
        self._lock = threading.RLock()
        self._mappings = Mappings()
        self._products = Products()
        self._confirmed = Confirmed()
        self._labels: dict[str, tuple[LabelLayout, ...]] = {}
        self._journal = Journal()
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
            self._place(record)
        elif self._goods:
            with self._lock:
                if isinstance(record, MappingRecord):
                    self._map(record)
                elif isinstance(record, Decision):
                    self._decide(record)
                else:
                    self._lay_out(record)

    def terminal(self, terminal_id: str) -> TerminalRecord | None:
        """The terminal, looked for once more in the topic before it is called unknown."""
        found = self.terminals.get(terminal_id)
        if found is None and time.monotonic() - self._asked >= _MISS_INTERVAL:
            self._on_miss()
            self._asked = time.monotonic()
            found = self.terminals.get(terminal_id)
        return found

    def counties(self) -> frozenset[str]:
        """Counties with at least one registered terminal: the monitored area."""
        return frozenset(t.county for t in list(self.terminals.values()))

    def mapping(self, enterprise: str, sku: str) -> Mapping | None:
        """The enterprise's own mapping of a SKU; None also where the SKU was split by name."""
        with self._lock:
            return None if self._confirmed.is_split(enterprise, sku) else self._mappings.get(enterprise, sku)

    def decision(self, enterprise: str, sku: str) -> Decision | None:
        """The decision, accepted or corrected, that gives a SKU its code; without its author, id and note."""
        with self._lock:
            return self._confirmed.decision(enterprise, sku)

    def is_split(self, enterprise: str, sku: str) -> bool:
        """Whether each name of this SKU is an article of its own."""
        with self._lock:
            return self._confirmed.is_split(enterprise, sku)

    def effective_sku(self, enterprise: str, sku: str, name: str) -> str:
        """The SKU that stands for the article of a line: the item of a label, or SKU and name where it was split."""
        layouts = self._labels.get(enterprise)
        label = read_label(layouts, sku) if layouts else None
        item = label.item if label else sku
        return f"{item}{SPLIT}{name}" if self.is_split(enterprise, item) else item

    def labels(self, enterprise: str) -> tuple[LabelLayout, ...]:
        """Layouts of the enterprise's scale labels, in the order in which they are tried."""
        return self._labels.get(enterprise, ())

    def product(self, enterprise: str, number: Gtin, *, in_sku: bool) -> Belief | None:
        """What a GTIN is in the product dictionary; see Products.find."""
        with self._lock:
            return self._products.find(enterprise, number, in_sku=in_sku)

    def confirmed_name(self, folded: str) -> Belief | None:
        """What people said of this very name, folded."""
        with self._lock:
            return self._confirmed.name(folded)

    def confirmed_path(self, enterprise: str, category: str) -> Belief | None:
        """What people's decisions put under a category path of an enterprise."""
        with self._lock:
            return self._confirmed.path(enterprise, category)

    def knows_names(self) -> bool:
        """Whether any name was confirmed."""
        return self._confirmed.knows_names()

    def lessons(self) -> list[Lesson]:
        """What is to be learned since the last call, in the order of the topic: for one caller alone."""
        with self._lock:
            found = list(self._confirmed.lessons)
            self._confirmed.lessons.clear()
            return found

    @property
    def revision(self) -> int:
        """Grows with each change of mappings, decisions or layouts: cheap to ask before ``changed_since``."""
        return self._journal.version

    def changed_since(self, revision: int) -> Changes:
        """What changed after a revision that this registry gave; see Changes."""
        with self._lock:
            return self._journal.since(revision)

    def _place(self, record: TerminalRecord) -> None:
        if self.terminals.get(record.terminal_id) != record:
            self.terminals[record.terminal_id] = TerminalRecord(
                record.terminal_id, intern(record.enterprise), intern(record.county), intern(record.channel)
            )
            self.changes += 1

    def _map(self, record: MappingRecord) -> None:
        enterprise = intern(record.enterprise)
        self._mappings.put(enterprise, record.mappings)
        taught = self._products.put(enterprise, record.mappings)
        if len(record.mappings) > _SINGLE:
            self._journal.note(enterprise)
        else:
            for mapping in record.mappings:
                self._journal.note(enterprise, mapping.sku)
        if taught:
            self._journal.learned()

    def _decide(self, record: Decision) -> None:
        if record.verdict in ("accepted", "corrected") and not (record.code or record.suggested):
            log.warning("decision without a code", enterprise=record.enterprise, sku=record.sku)
            return
        before = self._confirmed.put(record)
        if before is not None:
            self._products.withdraw(before)
        if record.verdict != "withdrawn":
            standing = self._confirmed.decision(record.enterprise, record.sku)
            self._products.decide(standing or msgspec.structs.replace(record, code=""))
        self._journal.note(record.enterprise, record.sku)
        self._journal.learned()

    def _lay_out(self, record: EnterpriseRecord) -> None:
        for layout in record.labels:
            why = fault(layout)
            if why:
                log.warning("label layout not usable", enterprise=record.enterprise, why=why)
        usable = tuple(layout for layout in record.labels if not fault(layout))
        if usable != self._labels.get(record.enterprise, ()):
            self._labels[record.enterprise] = usable
            self._journal.note(record.enterprise)


class RegistryReader:
    """Keeps a Registry up to date from the topic, in a thread; ``catch_up`` reads to the end that stands now."""

    def __init__(self, bootstrap: str, *, goods: bool = True) -> None:
        self.registry = Registry(self.catch_up, goods=goods)
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
        self.catch_up(timeout=_START_SECONDS)
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
                taken = self._poll(0.0)
            # A bulk of decisions must not wait for its turn 200 at a time.
            self._stop.wait(0.0 if taken == _MESSAGES else 0.2)

    def _poll(self, timeout: float) -> int:
        messages = self._consumer.consume(_MESSAGES, timeout)
        for message in messages:
            if message.error() is not None:
                log.warning("registry", error=str(message.error()))
                continue
            self._next = (message.offset() or 0) + 1
            value = message.value()
            if value:
                self.registry.apply(value)
        return len(messages)
