"""The file of chances."""

from pathlib import Path

import numpy as np
import pytest

from deploy.backtest_signals import SignalsFile


def test_what_was_not_judged_is_left_out_and_the_rest_is_in_order(tmp_path: Path) -> None:
    path = tmp_path / "signals.csv"
    with SignalsFile(path, ["a", "b"], ["x"], ["demand_surge", "demand_drop"]) as file:
        file.add(
            "2024-01-01", {"demand_surge": np.array([[0.5], [np.nan]]), "demand_drop": np.array([[0.25], [1e-300]])}
        )
    rows = [line.replace('"', "") for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == "ts,region,commodity,kind,p"
    assert [row.rsplit(",", 1)[0] for row in rows[1:]] == [
        "2024-01-01,a,x,demand_surge",
        "2024-01-01,a,x,demand_drop",
        "2024-01-01,b,x,demand_drop",
    ]
    assert [float(row.rsplit(",", 1)[1]) for row in rows[1:]] == [0.5, 0.25, 1e-300]


def test_a_run_that_is_interrupted_leaves_no_half_file(tmp_path: Path) -> None:
    file = SignalsFile(tmp_path / "signals.csv", ["a"], ["x"], ["demand_surge"])

    def interrupted() -> None:
        with file:
            file.add("2024-01-01", {"demand_surge": np.array([[0.5]])})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.glob("signals.csv*"))
