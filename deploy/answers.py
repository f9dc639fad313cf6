"""Answers of the store as files and text: whole or not at all, and with the types that the store has.

Arrow is loaded where it is needed: the command line knows the forms before it knows an answer.
"""

import csv
import json
import os
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from deploy.errors import DeployError

if TYPE_CHECKING:
    import pyarrow as pa


class Form(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


class AnswerError(DeployError):
    """An answer cannot be written; says where and why."""


BINARY: Final = frozenset({Form.PARQUET, Form.ARROW})
"""Forms that are no text."""


def text_of(rows: "pa.Table", form: Form) -> str:
    """The answer as text, with a line end last. Raises ValueError for a form that is no text."""
    match form:
        case Form.TABLE:
            from deploy.tables import plain_table

            return plain_table(rows) + "\n"
        case Form.JSON:
            return json.dumps(rows.to_pylist(), ensure_ascii=False, default=str) + "\n"
        case Form.CSV:
            lines = _Lines()
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(rows.column_names)
            # By place: two columns may have the same name.
            writer.writerows(zip(*(column.to_pylist() for column in rows.columns), strict=True))
            return "".join(lines)
        case _:
            raise ValueError(f"expected a form of text, got {form}")


def write(rows: "pa.Table", form: Form, path: Path) -> None:
    """Write the answer to ``path``: first beside it as ``.part``, then in its place. Raises AnswerError.

    In Parquet and Arrow (the IPC file format, also called Feather 2) decimals, unsigned integers and times with their
    zone stay what they are.
    """
    import pyarrow as pa

    if form in BINARY and len(set(rows.column_names)) < rows.num_columns:
        raise AnswerError(f"{path}: expected columns of different names, got {', '.join(rows.column_names)}; use AS")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            _put(rows, form, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, pa.ArrowException) as error:
        part.unlink(missing_ok=True)
        raise AnswerError(f"{path}: expected to write {form} there, got: {error}") from error


def _put(rows: "pa.Table", form: Form, file: IO[bytes]) -> None:
    if form is Form.PARQUET:
        from pyarrow import parquet

        parquet.write_table(rows, file, compression="zstd")
    elif form is Form.ARROW:
        import pyarrow as pa

        # The file format has room for one dictionary of each column.
        with pa.ipc.new_file(file, rows.schema) as writer:
            writer.write_table(rows.unify_dictionaries())
    else:
        file.write(text_of(rows, form).encode())


class _Lines(list[str]):
    """What ``csv`` writes to."""

    def write(self, line: str) -> None:
        self.append(line)
