"""What tests of several folders share: one real broker for the whole run."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("infopump", deadline=None)
settings.load_profile("infopump")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``make soak`` asks for more than fits into every run of the tests."""
    parser.addoption(
        "--kills", type=int, default=0, help="how often crash tests kill at random, where not as by default"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: at the end, short ones fill the time of both processes."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a real Kafka that lives as long as the test run, with every topic in 4 partitions."""
    from deploy.broker import Broker
    from streams import topics

    with Broker(tmp_path_factory.mktemp("broker"), heap_mb=384) as node:
        topics.ensure(node.bootstrap, 4)
        yield node.bootstrap
