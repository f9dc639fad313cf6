"""Accuracy and speed of the name classifier and the net content parser.

Run: python -m tests.bench.bench_names [LABELS.csv]

LABELS.csv has the columns name, code, alt, source, qty, unit, packs; without it the labels beside the repository are
taken, if they are there. Nothing of the classifier was trained on them: it is trained on the lexicon and the example
names in agents/naming/data alone. Where the judge stands beside the repository, its table is printed as well.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from agents.naming.classifier import classifier
from agents.naming.content import content
from agents.naming.evaluate import met
from agents.naming.examples import composed
from agents.naming.lexicon import lexicon
from agents.naming.verdict import Verdict

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
LABELS = SHARED / "data" / "labels" / "names_dev.csv"
JUDGE = SHARED / "tools" / "score_names.py"
WORST = 20
SPEED_NAMES = 20_000


def speed() -> None:
    """Names a second on one core, names as the lexicon puts them together."""
    names = [e.name for e in composed(lexicon(), 1, seed=7)][:SPEED_NAMES]
    classify = classifier()
    classify(names[:100])
    started = time.process_time()
    classify(names)
    middle = time.process_time()
    for name in names:
        content(name)
    ended = time.process_time()
    print(f"classify: {len(names) / (middle - started):,.0f} names/s, {len(names):,} different names, one core")
    print(f"net content: {len(names) / (ended - middle):,.0f} names/s")


def judge(labels: Path) -> None:
    """The judge's own table over what the command writes."""
    infopump = Path(sys.executable).with_name("infopump")
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "in.csv", Path(folder) / "out.csv"
        for words in (
            [sys.executable, JUDGE, "make-input", labels, given],
            [infopump, "classify", given, "--out", out],
            [sys.executable, JUDGE, "score", labels, out, "--json", Path(folder) / "all.json"],
        ):
            subprocess.run([str(w) for w in words], check=True)


def confusions(rows: list[dict[str, str]], verdicts: list[Verdict]) -> None:
    """Groups of two digits: label against verdict, the commonest confusions; and the surest of the wrong verdicts."""
    wrong = []
    table: Counter[tuple[str, str]] = Counter()
    for row, verdict in zip(rows, verdicts, strict=True):
        labels = [row["code"], *(a for a in row["alt"].split("|") if a)]
        if not met(verdict.code, labels, 4):
            wrong.append((verdict.confidence, row["name"], "|".join(labels), verdict))
            table[row["code"][:4], verdict.code[:4] or "declined"] += 1
    print(f"\n{len(wrong)} of {len(rows)} wrong at 4 digits")
    print(f"{'label':>8} {'verdict':>8} {'names':>6}")
    for (label, said), count in table.most_common(30):
        print(f"{label:>8} {said:>8} {count:>6}")
    print(f"\nthe {WORST} surest of the wrong")
    for confidence, name, label, verdict in sorted(wrong, key=lambda w: -w[0])[:WORST]:
        print(f"{confidence:.2f}  {name}  label {label}  verdict {verdict.code}  ({'; '.join(verdict.reasons)})")


def main() -> None:
    """Print it all."""
    speed()
    labels = Path(sys.argv[1]) if len(sys.argv) > 1 else LABELS
    if not labels.exists():
        print(f"no labels at {labels}: accuracy is not measured. Give a file as the argument")
        return
    with labels.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    if JUDGE.exists():
        judge(labels)
    confusions(rows, classifier()([r["name"] for r in rows]))


if __name__ == "__main__":
    main()
