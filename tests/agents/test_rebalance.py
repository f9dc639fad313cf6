"""A second worker joins and the first is killed, on the real broker: the alerts are those of an undisturbed one."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupState, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from agents.registry import Registry
from agents.stage import Incoming
from agents.worker import WorkerConfig, make_stage
from deploy.broker import Broker
from deploy.children import Child
from deploy.drain import Drain
from deploy.settings import PREFIX, load, to_environ
from detectors.pace import DAY_MS, HOUR_MS
from streams import topics
from streams.kafka import consumer_config, producer_config
from streams.records import Alert, AlertEvent, TerminalRecord, encode
from streams.terminal import publish_registry
from streams.topics import ALERTS, CELLS, SIGNALS
from tests.agents.city import Cell, cells
from tests.agents.till import home
from tests.waiting import until

pytestmark = pytest.mark.e2e

PARTITIONS = 4
TICK = 300_000
START = 1_760_000_000_000 // DAY_MS * DAY_MS
TRADE = {"1101": "0101", "2302": "0301", "3306": "1001", "4401": "0801", "6101": "0401"}
"""Cities and what they sell: each one thing of its own, in provinces that do not adjoin, as signals of two cities reach
an incident in any order."""
QUIET_HOURS = 3 * 24
RUSH_DAY = START + QUIET_HOURS * HOUR_MS
HOURS = QUIET_HOURS + 36
STAGES = ("detect", "escalate")
FLOW = (("infopump-detect", (CELLS,)), ("infopump-escalate", (SIGNALS,)))


def feed() -> list[Incoming]:
    """Three quiet days, then a rush in each city, every two hours in another; a message is an hour of a city."""
    out = []
    for hour in range(HOURS):
        for number, (city, code) in enumerate(TRADE.items()):
            begin = START + hour * HOUR_MS
            rng = np.random.default_rng([number, hour])
            rush = 8.0 if RUSH_DAY + 2 * number * HOUR_MS <= begin < RUSH_DAY + (2 * number + 5) * HOUR_MS else 1.0
            rows = []
            for i, lines in enumerate(rng.poisson(0.5 * rush, 24).tolist()):
                county, tick = f"{city}{2 + i % 2:02d}", begin + i // 2 * TICK
                if lines:
                    rows.append(
                        Cell(24 * hour + i, county, code, tick, lines, int(500 * lines * rng.uniform(0.8, 1.2)))
                    )
            out.append(cells(rows, begin + HOUR_MS, offset=hour, city=city))
    # Two days later: what was raised expires.
    return out + [cells([], START + (HOURS + 48) * HOUR_MS, offset=HOURS, city=city) for city in TRADE]


def terminals() -> list[TerminalRecord]:
    return [TerminalRecord(f"T-{city}{n}", "E-1", f"{city}{n}") for city in TRADE for n in ("02", "03")]


def undisturbed(records: list[Incoming], data_dir: Path) -> dict[str, Alert]:
    """Every revision that one worker of each stage would send."""
    known = Registry(goods=False)
    for terminal in terminals():
        known.apply(encode(terminal))
    config = WorkerConfig("", PARTITIONS, data_dir, TICK)
    detect, escalate = (make_stage(name, config, known) for name in STAGES)
    for record in records:
        detect.apply(record)
    for offset, o in enumerate(detect.drain()):
        escalate.apply(Incoming(SIGNALS, 0, offset, 0, o.key, o.value, o.headers))
    events = [msgspec.json.decode(o.value, type=AlertEvent) for o in escalate.drain() if o.topic == ALERTS]
    return {event.id: event.data for event in events}


class Workers:
    """Two workers of each stage on one broker, each started when a test wants it."""

    def __init__(self, bootstrap: str, home_dir: Path) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
        self._children = [{stage: self._child(bootstrap, home_dir / str(n), stage) for stage in STAGES} for n in (0, 1)]

    @staticmethod
    def _child(bootstrap: str, data_dir: Path, stage: str) -> Child:
        data_dir.mkdir(parents=True, exist_ok=True)
        settings = load(data_dir=str(data_dir), kafka={"bootstrap": bootstrap, "partitions": PARTITIONS})
        environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        return Child(
            stage,
            lambda port: ("worker", stage, "--health-port", str(port)),
            lambda _: environ | to_environ(settings),
            log=data_dir / f"{stage}.log",
            port=0,
        )

    def start(self, number: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Start the workers of that number, and wait until every one that runs has partitions."""
        for child in self._children[number].values():
            child.start()

        def shared() -> bool:
            meanwhile()
            return all(self._shared(stage, number + 1) for stage in STAGES)

        until(shared, 60, f"{number + 1} workers of each stage with partitions", every=0.1)

    def kill(self, number: int) -> None:
        """SIGKILL, whatever they are doing."""
        for child in self._children[number].values():
            assert child.pid is not None, child.log.read_text()
            os.kill(child.pid, signal.SIGKILL)

    def stop(self) -> None:
        for children in self._children:
            for child in children.values():
                child.stop()

    def failure(self) -> str | None:
        """What became of a worker that nobody killed."""
        ended = [
            c for children in self._children for c in children.values() if c.ended() not in (None, -signal.SIGKILL)
        ]
        return ended[0].log.read_text()[-4000:] if ended else None

    def _shared(self, stage: str, among: int) -> bool:
        assert self.failure() is None, self.failure()
        group = f"infopump-{stage}"
        try:
            found = self._admin.describe_consumer_groups([group])[group].result(timeout=10)
        except KafkaException:
            # The broker has no coordinator for it yet.
            return False
        having = [member for member in found.members if member.assignment.topic_partitions]
        return found.state is ConsumerGroupState.STABLE and len(having) == among


@pytest.fixture
def broker_of_its_own(tmp_path: Path) -> Iterator[str]:
    with Broker(tmp_path, heap_mb=384) as node:
        topics.ensure(node.bootstrap, PARTITIONS)
        publish_registry(node.bootstrap, terminals(), {})
        yield node.bootstrap


@pytest.fixture
def workers(broker_of_its_own: str, tmp_path: Path) -> Iterator[Workers]:
    started = Workers(broker_of_its_own, tmp_path / "workers")
    yield started
    started.stop()


class Feeder:
    """Sends the records one after the other."""

    def __init__(self, producer: Producer, records: list[Incoming]) -> None:
        self._producer, self._records, self._sent = producer, records, 0

    def send(self, number: int) -> None:
        """The next ones, as far as there are."""
        for record in self._records[self._sent : self._sent + number]:
            self._producer.produce(CELLS, key=record.key, value=record.value)
            self._sent += 1
        assert self._producer.flush(30) == 0

    @property
    def left(self) -> int:
        return len(self._records) - self._sent


def told(bootstrap: str) -> Mapping[str, Alert]:
    """Every revision in the topic; one that was sent twice must be the same both times."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    at = TopicPartition(ALERTS, 0)
    end: int = admin.list_offsets({at: OffsetSpec.latest()})[at].result(timeout=10).offset  # type: ignore[no-untyped-call]  # untyped upstream
    consumer = Consumer(consumer_config(bootstrap, "tests-rebalance"))
    consumer.assign([TopicPartition(ALERTS, 0, OFFSET_BEGINNING)])
    found: dict[str, Alert] = {}
    read = 0

    def all_read() -> bool:
        nonlocal read
        for message in consumer.consume(500, 0.1):
            assert message.error() is None
            event = msgspec.json.decode(message.value() or b"", type=AlertEvent)
            assert found.setdefault(event.id, event.data) == event.data
            read = (message.offset() or 0) + 1
        return read >= end

    until(all_read, 30, "all alerts")
    consumer.close()
    return found


def test_a_worker_joins_and_another_is_killed_and_the_alerts_are_the_same(
    broker_of_its_own: str, workers: Workers, tmp_path: Path
) -> None:
    records = feed()
    expected = undisturbed(records, tmp_path)
    assert {alert.commodity for alert in expected.values()} == set(TRADE.values())
    assert {home(city) for city in TRADE} == set(range(PARTITIONS))
    with Producer(producer_config(broker_of_its_own, **{"linger.ms": 0})) as producer:
        feeder = Feeder(producer, records)
        workers.start(0)
        feeder.send(len(TRADE) * QUIET_HOURS)
        drain = Drain(broker_of_its_own, FLOW)
        until(lambda: drain.lag(*FLOW[0]) == 0, 60, "the quiet days are read")
        # The first rushes: a record with every look, so that the partitions move in the midst of them.
        rest = len(TRADE) * 24
        workers.start(1, lambda: feeder.send(int(feeder.left > rest)))
        feeder.send(rest // 4)
        until(lambda: drain.lag(*FLOW[0]) < rest // 4, 60, "both are at it")
        workers.kill(0)
        feeder.send(len(records))
    drain.wait(60, failed=workers.failure)
    assert told(broker_of_its_own) == expected
