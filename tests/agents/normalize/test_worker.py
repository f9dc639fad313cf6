"""Normalize as it runs: a process of its own, a real broker, a person who decides in between."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from streams.columns import CLEAN_SCHEMA, from_bytes
from streams.kafka import consumer_config, producer_config
from streams.records import Decision, TerminalRecord, encode
from streams.topics import CLEAN, RAW, REGISTRY
from tests.agents.till import NOW, PARTITIONS, home, record
from tests.waiting import until

TERMINAL = "T-worker"
RUN = """
import sys
from pathlib import Path
from agents.worker import WorkerConfig, run

config = WorkerConfig(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), checkpoint_seconds=0.1)
sys.exit(run("normalize", config))
"""


class Till:
    """Sends envelopes of one line, and reads what became of them."""

    def __init__(self, broker: str) -> None:
        self.producer = Producer(producer_config(broker))
        self._clean = Consumer(consumer_config(broker, "tests-worker"))
        self._clean.assign([TopicPartition(CLEAN, home(TERMINAL), OFFSET_BEGINNING)])
        self._seq = 0

    def tell(self, key: str, value: bytes) -> None:
        self.producer.produce(REGISTRY, value, key.encode())
        self.producer.flush(10)

    def sell(self) -> None:
        self._seq += 1
        row = {"sku": "A", "name": "???", "unit": "kg"}
        sent = record(0, self._seq, row, terminal=TERMINAL, sent_at=NOW + self._seq)
        self.producer.produce(RAW, sent.value, sent.key, sent.partition, headers=list(sent.headers.items()))
        self.producer.flush(10)

    def codes(self) -> set[str]:
        """Codes of this terminal's lines that came since the last call."""
        found = self._clean.consume(100, 0.05)
        tables = [from_bytes(m.value() or b"", CLEAN_SCHEMA) for m in found if m.error() is None]
        return {row["code"] for table in tables for row in table.to_pylist() if row["terminal_id"] == TERMINAL}

    def close(self) -> None:
        self._clean.close()


@pytest.fixture
def till(broker: str) -> Iterator[Till]:
    opened = Till(broker)
    opened.tell(f"terminal/{TERMINAL}", encode(TerminalRecord(TERMINAL, "E-worker", "330602")))
    yield opened
    opened.close()


@pytest.fixture
def worker(broker: str, till: Till, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", RUN, broker, str(PARTITIONS), str(tmp_path)]) as process:
        yield process
        process.terminate()
        assert process.wait(30) == 0


@pytest.mark.e2e
def test_a_decision_takes_effect_in_a_running_worker_within_two_seconds(
    till: Till, worker: subprocess.Popen[bytes]
) -> None:
    till.sell()
    assert until(lambda: till.codes() or worker.poll() is not None, 60, "the first line") == {"99"}
    till.tell("decision/E-worker/A", encode(Decision("D", "E-worker", "A", "corrected", "reviewer", NOW, code="0801")))

    def decided() -> bool:
        till.sell()
        return "0801" in till.codes()

    until(decided, 2, "a line with the code that was decided")
    assert worker.poll() is None
