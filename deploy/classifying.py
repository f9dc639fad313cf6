"""Classify a CSV file of item names: the same rows in the same order, with code, confidence and net content added."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

from agents.naming.content import Content, content
from agents.naming.verdict import Verdict
from deploy.errors import DeployError

ADDED: Final = ("code", "confidence", "method", "qty", "unit", "packs")
METHOD: Final = "name"
NONE: Final = "none"
_BATCH: Final = 1_000
_ENCODINGS: Final = ("utf-8-sig", "gb18030")

Classify = Callable[[Sequence[str], Sequence[str]], list[Verdict]]


class InputError(DeployError):
    """The file is not what was expected; says where, what was expected and what came."""


@dataclass
class Counts:
    """What became of the rows."""

    rows: int = 0
    coded: int = 0
    measured: int = 0


def classify_file(
    source: Path, target: Path, classify: Classify, progress: Callable[[int], None] = lambda _: None
) -> Counts:
    """Read ``source``, write ``target`` whole or not at all. ``progress`` is called with bytes read so far.

    Raises InputError.
    """
    counts = Counts()
    if not target.parent.is_dir():
        raise InputError(f"{target}: expected a folder to write into, {target.parent} is none: make it first")
    try:
        with _open(source) as lines, _whole(target) as out:
            rows = _rows(source, lines)
            header = next(rows)
            if "name" not in header:
                raise InputError(f"{source}, line 1: expected a column `name`, got {', '.join(header) or 'nothing'}")
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow([*header, *ADDED])
            while batch := list(islice(rows, _BATCH)):
                writer.writerows(_classified(header, batch, classify, counts))
                progress(lines.buffer.tell() if hasattr(lines, "buffer") else 0)
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error
    return counts


def _classified(header: list[str], rows: list[list[str]], classify: Classify, counts: Counts) -> Iterator[list[str]]:
    name = header.index("name")
    spec = header.index("spec") if "spec" in header else None
    names = [r[name] for r in rows]
    specs = ["" if spec is None else r[spec] for r in rows]
    for row, verdict, printed in zip(rows, classify(names, specs), map(content, names, specs), strict=True):
        counts.rows += 1
        counts.coded += bool(verdict.code)
        counts.measured += printed is not None
        method = METHOD if verdict.code else NONE
        confidence = f"{verdict.confidence:.4f}" if verdict.code else ""
        yield [*row, verdict.code, confidence, method, *_fields(printed)]


def _fields(printed: Content | None) -> tuple[str, str, str]:
    if printed is None:
        return "", "", ""
    return f"{printed.qty:.10g}", printed.unit, str(printed.packs)


def _rows(source: Path, lines: IO[str]) -> Iterator[list[str]]:
    """Header, then rows of its length: short ones are filled up with empty fields, blank lines left out."""
    reader = csv.reader(lines)
    try:
        header = [h.strip() for h in next(reader, [])]
        yield header
        for row in reader:
            if not row:
                continue
            if len(row) > len(header):
                raise InputError(
                    f"{source}, line {reader.line_num}: expected {len(header)} fields as in the header, got {len(row)}"
                )
            yield row + [""] * (len(header) - len(row))
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num}: {error}") from error


def _open(source: Path) -> IO[str]:
    """The file as text: UTF-8, or what Chinese tills write otherwise. Raises InputError where it is neither."""
    for encoding in _ENCODINGS:
        try:
            with source.open(encoding=encoding) as lines:
                while lines.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            continue
        return source.open(encoding=encoding, newline="")
    raise InputError(f"{source}: expected text in UTF-8 or GB 18030")


class _whole:  # noqa: N801 (used like a function)
    """A text file that appears under its name only when all of it has been written."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> IO[str]:
        self._file = tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=self._target.parent, prefix=f".{self._target.name}.", delete=False
        )
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        path = Path(self._file.name)
        if kind is None:
            mask = os.umask(0)
            os.umask(mask)
            path.chmod(0o666 & ~mask)
            path.replace(self._target)
        else:
            path.unlink()
