"""The twenty questions as a page, and as a notebook that asks them."""

import json
from pathlib import Path
from typing import Any, Final

from sinks.questions import Question, questions

_HEAD: Final = """# Twenty questions to the store

Each is asked of yesterday, in China's time, and answered from the rollups; put a date in the place of
`toDate(now(), 'Asia/Shanghai') - 1` to ask of another day. `infopump query --question NAME --day 2026-02-17` does both.
*Auditor* means that a question reads rows that name a shop, an enterprise or its own brand.

Written by `infopump notebook-examples --out sinks/QUESTIONS.md`; run by `tests/sinks/test_questions.py` on four
simulated weeks, from rollups and from lines, and against a computation in numpy and Arrow; timed by
`python -m tests.bench.bench_questions`.
"""
_SETUP: Final = """import pathlib

from sinks.query import ask

SOCKET = pathlib.Path("{socket}")
"""


def markdown() -> str:
    """All questions as a page."""
    return "\n".join([_HEAD, *(f"## {number}. {_section(one)}" for number, one in enumerate(questions().values(), 1))])


def notebook(socket: Path) -> str:
    """All questions as a Jupyter notebook (nbformat 4) that asks the writer behind ``socket``."""
    cells: list[dict[str, Any]] = [_text(_HEAD), _code(_SETUP.format(socket=socket))]
    for number, one in enumerate(questions().values(), 1):
        cells += [_text(f"## {number}. {_heading(one)}"), _code(f'ask(SOCKET, """\n{one.sql}\n""").to_pylist()')]
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _heading(one: Question) -> str:
    notes = f"\n\n{one.notes}" if one.notes else ""
    return f"{one.title}\n\n`{one.name}` · {one.role}{notes}"


def _section(one: Question) -> str:
    return f"{_heading(one)}\n\n```sql\n{one.sql}\n```\n"


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
