"""A file of sales through the command line and everything behind it."""

import csv
import json
import math
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
FIRST, DAYS, RUSH = date(2025, 3, 3), 70, 60
GOODS = ("青菜", "菠菜", "生菜", "白菜")


def write_sales(path: Path) -> int:
    """Ten weeks of four greens in one shop with a weekly season, four times as much on one day; the number of rows."""
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["销售日期", "单品编码", "total_qty", "avg_price", "discounted_ratio", "分类名称"])
        for day in range(DAYS):
            for number, _ in enumerate(GOODS):
                season = 1.25 if (FIRST + timedelta(day)).weekday() >= 5 else 1.0
                kg = 40 * season * (1 + 0.15 * math.sin(7 * day + number)) * (4 if day == RUSH else 1)
                out.writerow([FIRST + timedelta(day), f"SKU{number}", f"{kg:.3f}", "4.50", "0.0", "花叶类"])
                rows += 1
    return rows


def test_a_file_is_replayed_and_its_rush_is_found_that_very_day(tmp_path: Path) -> None:
    rows = write_sales(tmp_path / "sales.csv")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("INFOPUMP_")}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "replay", str(tmp_path / "sales.csv"), "--map", "cumcm2023c", "--json"],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said) == {"lines", "stored", "rejected", "seconds", "alerts"}
    assert (said["lines"], said["stored"], said["rejected"]) == (rows, rows, 0)
    (alert,) = [a for a in said["alerts"] if a["kind"] == "panic_buying"]
    assert set(alert) == {"kind", "level", "region", "commodity", "onset", "detected"}
    rush = FIRST + timedelta(RUSH)
    assert alert["onset"] == f"{rush}T00:00:00+08:00"
    assert alert["detected"] == f"{rush + timedelta(1)}T00:00:00+08:00"
    assert (alert["region"], alert["commodity"], alert["level"]) == ("990101", "0803", "IV")
