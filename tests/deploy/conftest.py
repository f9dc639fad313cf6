"""No test of this folder sees the settings or the data of the person who runs it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, a data directory of its own, and no INFOPUMP_ variable."""
    for name in list(os.environ):
        if name.startswith("INFOPUMP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
