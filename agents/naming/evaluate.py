"""Look at the classifier's verdicts: `python -m agents.naming.evaluate --labels LABELS.csv [--errors] | --names FILE`.

LABELS.csv has the columns name, code, alt (and source); FILE is a list of names, one a line, or a CSV whose column
--column holds them.
"""

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path

from agents.naming.classifier import classifier
from agents.naming.verdict import Verdict
from streams.taxonomy import name_of


def met(code: str, labels: list[str], digits: int) -> bool:
    """Whether a code meets one of the labels at so many digits; an empty code meets 99."""
    return any((label == "99" and not code) or (bool(code) and code.startswith(label[:digits])) for label in labels)


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--labels", type=Path)
    arguments.add_argument("--errors", action="store_true", help="print each name that was not met")
    arguments.add_argument("--names", type=Path)
    arguments.add_argument("--column", default="")
    said = arguments.parse_args()
    if said.labels:
        with said.labels.open(encoding="utf-8-sig", newline="") as lines:
            _score(list(csv.DictReader(lines)), said.errors)
    elif said.names:
        with said.names.open(encoding="utf-8-sig", newline="") as lines:
            names = [r[said.column] for r in csv.DictReader(lines)] if said.column else lines.read().splitlines()
        for name, verdict in zip(names, classifier()(names), strict=True):
            print(_line(name, verdict))
    else:
        arguments.error("give --labels or --names")


def _score(rows: list[dict[str, str]], errors: bool) -> None:
    verdicts = classifier()([r["name"] for r in rows])
    right: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for row, verdict in zip(rows, verdicts, strict=True):
        labels = [row["code"], *(a for a in row.get("alt", "").split("|") if a)]
        good = met(verdict.code, labels, 4)
        for part in ("all", row.get("source", "")):
            seen[part] += 1
            right[part] += good
        if errors and not met(verdict.code, labels, 6):
            print("|".join(labels) + ("" if not good else " (depth)"), _line(row["name"], verdict), sep="\t")
    for part in seen:
        print(
            f"{part}: {right[part]} of {seen[part]} right at 4 digits, {right[part] / seen[part]:.3f}", file=sys.stderr
        )


def _line(name: str, v: Verdict) -> str:
    title = name_of(v.code).zh if v.code else "-"
    return f"{name}\t{v.code}\t{title}\t{v.confidence:.2f}\t{v.brand}\t{'; '.join(v.reasons)}"


if __name__ == "__main__":
    main()
