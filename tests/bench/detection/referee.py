"""The referee of the shared folder, where there is one: its cases through the product's command, its own scores."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.bench.detection.product import COMMAND

_TEMPLATE: Final = "{command} backtest {{input}} --out {{alerts}} --signals {{signals}}"
_ALL: Final = 1_000_000


def present(shared: Path) -> bool:
    """Whether the folder has the referee and its data."""
    return (shared / "tools/referee/referee.py").is_file() and (shared / "data").is_dir()


def report(shared: Path, folder: Path, files: int | None, prepared: Path | None = None) -> str:
    """Prepare, inject, run, score and look for look-ahead; tables in markdown. ``files`` limits injected files a case;
    ``prepared`` holds the cases of an earlier `prepare` and `inject`.

    Raises CalledProcessError where the referee itself fails.
    """
    cases, runs = prepared or folder / "cases", folder / "runs"
    template = _TEMPLATE.format(command=COMMAND)
    if prepared is None:
        _referee(shared, "prepare", "--out", str(cases))
        _referee(shared, "inject", "--out", str(cases))
    limit = str(files or _ALL)
    _referee(shared, "run", "--cases", str(cases), "--out", str(runs), "--files", limit, "--command", template)
    _referee(shared, "score", "--cases", str(cases), "--runs", str(runs))
    lines = ["## Referee: one false alarm a month over the whole input", ""]
    lines += [
        "| case | kind | found | mean delay, days | chance | controls | p < .01, .001, .0001 |",
        "|---|---|---|---|---|---|---|",
    ]
    for path in sorted(runs.glob("*/*/score.json")):
        lines += _rows(path.parent.name, json.loads(path.read_text(encoding="utf-8")))
    source = cases / "shared/cumcm_category/input.csv"
    causal = _referee(shared, "causal", str(source), "--command", template, check=False)
    last = causal.stdout.strip().splitlines()
    return "\n".join([*lines, "", f"Look-ahead (cumcm_category): {last[-1] if last else 'not run'}.", ""])


def _rows(case: str, score: dict[str, dict[str, dict[str, dict[str, object]]]]) -> list[str]:
    """A row a kind, of the budget of a month for the whole input."""
    rows = []
    for kind, result in score.get("signals", {}).get("kinds", {}).items():
        budgets = result["budgets"]
        assert isinstance(budgets, list)
        for row in budgets:
            if (row["scope"], row["budget"]) != ("input", "month"):
                continue
            found = row["all"] or {"rate": 0.0, "n": 0, "delay_days": {"mean": float("nan")}}
            delay = found["delay_days"]["mean"]
            rate = f"{found['rate']:.0%} of {found['n']}"
            chance = "–" if row["chance"] is None else f"{row['chance']:.0%}"
            controls = f"{row['controls']['alarmed']} of {row['controls']['n']}"
            calibrated = result["calibration"]
            assert isinstance(calibrated, dict)
            ratios = ", ".join(f"{calibrated[x]['ratio'] or 0:.2g}" for x in ("0.01", "0.001", "0.0001"))
            rows.append(f"| {case} | {kind} | {rate} | {delay:.2f} | {chance} | {controls} | {ratios} |")
    labels = score.get("labels")
    if labels:
        rows.append(f"| {case} | stock_out | AUC-PR {labels['auc_pr']:.3f} | – | – | – | – |")
    return rows


def _referee(shared: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    script = shared / "tools/referee/referee.py"
    return subprocess.run([sys.executable, str(script), *words], check=check, capture_output=True, text=True)
