"""Names that mislead: each mistake that was found stands here, so that it is made once."""

import csv
from pathlib import Path

import pytest

from agents.naming.classifier import classifier

with (Path(__file__).parent / "traps.tsv").open(encoding="utf-8", newline="") as _lines:
    TRAPS = [(row["name"], row["code"]) for row in csv.DictReader(_lines, delimiter="\t")]


@pytest.mark.parametrize(("name", "codes"), TRAPS)
def test_no_trap_catches(name: str, codes: str) -> None:
    verdict = classifier()([name])[0]
    assert any(verdict.code.startswith(code) for code in codes.split("|")), verdict
