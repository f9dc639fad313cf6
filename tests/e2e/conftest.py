"""The whole system for the end-to-end tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import LocalSystem
from deploy.settings import load
from tests.e2e.market import STEP_MS

DAY = 86_400


@pytest.fixture
def system(tmp_path: Path) -> Iterator[LocalSystem]:
    """Broker, workers, writer and gateway of their own, on free ports."""
    settings = load(
        data_dir=str(tmp_path / "d"),
        detect={"tick_seconds": STEP_MS // 1000, "idle_seconds": 30 * DAY},
        gateway={"port": 0},
        health={"base_port": 0},
    )
    with LocalSystem(settings) as running:
        yield running
