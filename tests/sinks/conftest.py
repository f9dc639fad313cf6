"""A broker for these tests alone: the writer reads whole topics, so nobody else may have written into them. And new
stores, copied from one whose tables were made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from sinks.embedded import EmbeddedStore
from streams import topics
from tests.sinks.server import NoServerError, Server
from tests.waiting import until


@pytest.fixture(scope="session")
def quiet_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a broker without topics."""
    from deploy.broker import Broker

    with Broker(tmp_path_factory.mktemp("quiet"), heap_mb=256) as node:
        yield node.bootstrap


@pytest.fixture
def quiet(quiet_broker: str) -> str:
    """Bootstrap address of a broker whose topics are new and empty."""
    admin = AdminClient({"bootstrap.servers": quiet_broker, "log_level": 3})
    names = {topic.name for topic in topics.TOPICS}
    old = sorted(names & set(admin.list_topics(timeout=10).topics))
    for future in (admin.delete_topics(old) if old else {}).values():
        future.result(10)
    until(lambda: not names & set(admin.list_topics(timeout=10).topics), 10, "the topics to go")
    topics.ensure(quiet_broker, 4)
    return quiet_broker


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a store with all tables and nothing in them."""
    path = tmp_path_factory.mktemp("empty") / "store"
    store = EmbeddedStore(path)
    store.migrate()
    store.close()
    return path


@pytest.fixture
def store_path(tmp_path: Path, empty_store: Path) -> Path:
    """A store of this test's own: its tables are there, which takes two seconds where they are made."""
    path = tmp_path / "store"
    shutil.copytree(empty_store, path, symlinks=True)
    return path


@pytest.fixture
def new_path(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "new"


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often to kill at random: eight times unless ``--kills`` says otherwise."""
    return int(request.config.getoption("--kills")) or 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process of 2018, where one can be had."""
    try:
        made = Server(tmp_path_factory.mktemp("server"))
    except NoServerError as error:
        pytest.skip(f"no server: {error}")
    yield made
    made.stop()
