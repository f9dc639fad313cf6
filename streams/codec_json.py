"""JSON rows: typed by msgspec, whose errors name the field; a row of the wrong type is refused alone.

This is the path of convenience (it pays for every line); Arrow is the path of speed.
"""

import re
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa

from streams.envelope import LINE_SCHEMA, MAX_LINES, Header
from streams.reasons import Finding, Reason


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line as JSON: the columns of ``LINE_SCHEMA``, ``ts`` in ms UTC."""

    line: int
    ts: int
    kind: Literal["sale", "return", "price", "stock"]
    sku: str
    qty: int
    amount: int
    name: str | None = None
    spec: str | None = None
    unit: str | None = None
    promo: bool | None = None
    brand: str | None = None
    origin: str | None = None
    lot: str | None = None
    channel: str | None = None
    barcode: str | None = None
    category: str | None = None
    tax_code: str | None = None


class _Loose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    terminal_id: str
    seq: int
    sent_at: int
    lines: list[msgspec.Raw]


_loose: Final = msgspec.json.Decoder(_Loose)
_line: Final = msgspec.json.Decoder(Line)
_NULLABLE: Final = pa.schema([f.with_nullable(True) for f in LINE_SCHEMA])
_FIELDS: Final = tuple(f.name for f in LINE_SCHEMA)
_WIDTHS: Final = {"line": 1 << 16, "ts": 1 << 62, "qty": 1 << 62, "amount": 1 << 62}
_PATH: Final = re.compile(r" - at `\$\.?(.*)`$")


def read_json(value: bytes) -> tuple[Header | None, pa.RecordBatch, list[Finding], list[dict[str, Any]]]:
    """Header, good lines, findings and refused rows of a JSON envelope; no header where it is refused whole."""
    empty = pa.RecordBatch.from_pylist([], schema=_NULLABLE)
    try:
        loose = _loose.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, empty, [_finding(error, None)], []
    if len(loose.lines) > MAX_LINES:
        too_many = Finding(Reason.TOO_MANY_LINES, "lines", f"at most {MAX_LINES} lines", str(len(loose.lines)))
        return None, empty, [too_many], []
    good: list[Line] = []
    findings: list[Finding] = []
    refused: list[dict[str, Any]] = []
    for position, raw in enumerate(loose.lines):
        try:
            line = _line.decode(raw)
            wide = next((n for n, most in _WIDTHS.items() if abs(getattr(line, n)) >= most), None)
            if wide:
                got = str(getattr(line, wide))[:200]
                findings.append(Finding(Reason.OUT_OF_RANGE, wide, "a number that its column holds", got, position))
                refused.append({"raw": raw_text(raw)})
            elif line.line < 0:
                findings.append(Finding(Reason.NEGATIVE, "line", "0 or more", str(line.line), position))
                refused.append({"raw": raw_text(raw)})
            else:
                good.append(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            findings.append(_finding(error, position))
            refused.append({"raw": raw_text(raw)})
    columns = {name: [getattr(line, name) for line in good] for name in _FIELDS}
    batch = pa.RecordBatch.from_pydict(columns, schema=_NULLABLE)
    return Header(loose.version, loose.terminal_id, loose.seq, loose.sent_at), batch, findings, refused


def raw_text(raw: msgspec.Raw) -> str:
    """A row as it came, cut to 500 characters."""
    return bytes(raw).decode("utf-8", "replace")[:500]


def _finding(error: Exception, position: int | None) -> Finding:
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return Finding(Reason.UNREADABLE, "value", "JSON", text[:200], position)
    path = _PATH.search(text)
    where = path.group(1) if path else ""
    said = _PATH.sub("", text)
    missing = re.search(r"missing required field `(.+?)`", said)
    if missing:
        name = ".".join(p for p in (where, missing.group(1)) if p)
        return Finding(Reason.MISSING_FIELD, name, "a value", "none", position)
    unknown = re.search(r"contains unknown field `(.+?)`", said)
    if unknown:
        return Finding(Reason.WRONG_TYPE, unknown.group(1)[:100], "a known field", "an unknown one", position)
    expected, _, got = said.removeprefix("Expected ").partition(", got ")
    return Finding(Reason.WRONG_TYPE, where or "value", expected, got or said, position)
