"""The embedded Kafka, as it is: nothing here is imitated."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.broker import Broker, BrokerError, BrokerRunning, running_at
from deploy.processes import free_port
from streams import topics
from tests.waiting import until

pytestmark = pytest.mark.e2e

OWNER = """
import sys, time
from pathlib import Path
from deploy.broker import Broker
broker = Broker(Path(sys.argv[1]), heap_mb=256)
broker.start()
print(broker.pid, flush=True)
time.sleep(120)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """With characters that Kafka's own files would trip over."""
    return tmp_path / "data, %d ${x} 数据"


@pytest.fixture
def node(data_dir: Path) -> Iterator[Broker]:
    broker = Broker(data_dir, heap_mb=256)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Path]]:
    """One that is only looked at, and its data directory."""
    home = tmp_path_factory.mktemp("running")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INFOPUMP_GATEWAY__TOKEN", "sesame-open-123")
        with Broker(home, heap_mb=256) as broker:
            yield broker, home


def java(broker: Broker) -> psutil.Process:
    assert broker.pid is not None
    return psutil.Process(broker.pid)


def cluster_id(bootstrap: str) -> str:
    return str(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=20).cluster_id)


def send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, value, partition=0)
    assert producer.flush(20) == 0


def read(bootstrap: str, topic: str) -> bytes:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(20)
    consumer.close()
    assert message is not None
    value = message.value()
    assert isinstance(value, bytes)
    return value


def test_data_outlives_a_clean_stop_and_a_start_on_another_port(node: Broker, data_dir: Path) -> None:
    first = node.start()
    topics.ensure(first, 2)
    send(first, topics.RAW, b"kept")
    identity = cluster_id(first)
    process = java(node)
    assert running_at(data_dir) == first
    node.stop()
    assert running_at(data_dir) is None
    assert not process.is_running()
    assert "shut down completed" in node.log.read_text()
    node.stop()

    again = Broker(data_dir, port=free_port(), heap_mb=256)
    with again:
        assert again.bootstrap != first
        assert cluster_id(again.bootstrap) == identity
        assert read(again.bootstrap, topics.RAW) == b"kept"


def test_it_listens_on_the_loopback_alone(running: tuple[Broker, Path]) -> None:
    connections = java(running[0]).net_connections()
    listening = [c.laddr for c in connections if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert len(listening) == 2


def test_it_is_told_none_of_our_secrets(running: tuple[Broker, Path]) -> None:
    assert not [name for name in java(running[0]).environ() if name.startswith("INFOPUMP_")]


def test_a_second_start_on_the_same_data_says_who_runs_where(running: tuple[Broker, Path]) -> None:
    first, home = running
    with pytest.raises(BrokerRunning) as caught:
        Broker(home).start()
    assert str(os.getpid()) in str(caught.value)
    assert first.bootstrap in str(caught.value)
    assert "INFOPUMP_KAFKA__BOOTSTRAP" in str(caught.value)
    assert first.alive, "the first one is not disturbed"


def test_a_killed_owner_takes_kafka_with_it_and_leaves_no_obstacle(node: Broker, data_dir: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    orphan = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.communicate()
    node.start()
    assert not orphan.is_running()


def test_kafka_that_was_killed_starts_again_on_the_same_port_and_data(node: Broker) -> None:
    bootstrap = node.start()
    topics.ensure(bootstrap, 2)
    send(bootstrap, topics.RAW, b"kept")
    java(node).kill()
    until(lambda: not node.alive, 5, "the end of Java")
    assert node.ended() == -signal.SIGKILL
    assert node.restart() == bootstrap
    assert read(bootstrap, topics.RAW) == b"kept"


def test_kafka_that_does_not_start_is_quoted(node: Broker, data_dir: Path) -> None:
    meta = data_dir / "kafka" / "data" / "meta.properties"
    meta.parent.mkdir(parents=True)
    meta.write_text("version=1\ncluster.id=I000000000000000000000\nnode.id=7\n")
    with pytest.raises(BrokerError, match=r"(?s)Kafka ended while it started.*Stored node id 7"):
        node.start()
    assert not node.alive


def test_damaged_data_is_not_formatted_anew(node: Broker, data_dir: Path) -> None:
    meta = data_dir / "kafka" / "data" / "meta.properties"
    meta.parent.mkdir(parents=True)
    meta.write_text("version=1\n")
    with pytest.raises(BrokerError, match="names no cluster: the data is damaged"):
        node.start()


def test_a_taken_port_is_named(data_dir: Path, broker: str) -> None:
    port = int(broker.rpartition(":")[2])
    with pytest.raises(BrokerError, match=rf"port {port} is taken: set kafka\.port"):
        Broker(data_dir, port=port).start()


def test_the_shared_broker_of_the_tests_has_every_topic(broker: str) -> None:
    found = AdminClient({"bootstrap.servers": broker}).list_topics(timeout=20).topics
    assert {topic.name for topic in topics.TOPICS} <= set(found)
    assert len(found[topics.RAW].partitions) == 4
