"""Results of questions as plain tables for a terminal."""

from io import StringIO
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text


def plain_table(rows: pa.Table, width: int = 10_000) -> str:
    """Columns side by side, numbers to the right; nothing is cut off unless ``width`` says so."""
    shown = Table(box=None, pad_edge=False)
    for field in rows.schema:
        shown.add_column(field.name, justify="right" if _is_number(field.type) else "left", overflow="fold")
    for row in rows.to_pylist():
        shown.add_row(*(Text(_text(value)) for value in row.values()))
    out = StringIO()
    Console(file=out, width=width).print(shown)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _text(value: Any) -> str:
    return f"{value:,.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
