"""Envelopes to bytes and back: Arrow IPC and JSON rows, one schema.

Neither ``read`` nor ``decode`` raises for what stands in the bytes. ``read`` takes the structure: header, columns,
types. ``decode`` also checks every line's values, and gives the envelope with the lines that are good and a list of
findings: for single lines, or for the envelope as a whole, and then there is no envelope. A consumer of many envelopes
reads each and checks the lines of all at once (``validate.bad_lines``).
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from streams.codec_json import read_json
from streams.envelope import (
    ARROW,
    JSON,
    LINE_SCHEMA,
    MAX_BYTES,
    MAX_LINES,
    REQUIRED,
    TEXTS,
    VERSION,
    Envelope,
    Header,
)
from streams.ipc import CompressedError, read_stream
from streams.reasons import Finding, Reason
from streams.validate import Mask, bad_lines

HEADER_KEYS: Final = tuple(f.name for f in msgspec.structs.fields(Header))


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came of one record. ``envelope`` None: refused whole. ``refused`` are the rows left out, as they came."""

    envelope: Envelope | None
    findings: list[Finding]
    refused: list[dict[str, Any]] = field(default_factory=list)
    header: Header | None = None
    """the header, where it could be read although the envelope was refused"""


class _RefusedError(Exception):
    def __init__(self, reason: Reason, where: str, expected: str, got: object, header: Header | None = None) -> None:
        self.finding = Finding(reason, where, expected, str(got)[:200])
        self.header = header
        super().__init__(reason)


def encode_arrow(header: Header, lines: pa.RecordBatch) -> bytes:
    """An envelope as one plain Arrow IPC stream; the header stands in the schema's metadata."""
    schema = lines.schema.with_metadata({k: str(getattr(header, k)) for k in HEADER_KEYS})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(lines.replace_schema_metadata(schema.metadata))
    data: bytes = sink.getvalue().to_pybytes()
    return data


def encode_json(header: Header, lines: pa.RecordBatch) -> bytes:
    """An envelope as JSON: the header's fields beside ``lines``, a list of objects; times in ms UTC."""
    at = lines.schema.get_field_index("ts")
    if pa.types.is_timestamp(lines.schema.field(at).type):
        lines = lines.set_column(at, "ts", lines.column(at).cast(pa.int64()))
    rows = [{k: v for k, v in row.items() if v is not None} for row in lines.to_pylist()]
    return msgspec.json.encode({**msgspec.structs.asdict(header), "lines": rows})


def decode(value: bytes, content_type: str, now_ms: int) -> Decoded:
    """Read one envelope and check its lines.

    Parameters
    ----------
    value
        The record's value, any bytes whatever.
    content_type
        The ``content-type`` header, ``ARROW`` or ``JSON``.
    now_ms
        Ms UTC of arrival, by which "more than 24 h ahead" is judged.
    """
    got = read(value, content_type)
    if got.envelope is None:
        return got
    lines = got.envelope.lines
    keep, found = bad_lines(lines, np.full(lines.num_rows, now_ms))
    if keep is None:
        return got
    refused = got.refused + refused_rows(lines, keep)
    good = Envelope(got.envelope.header, lines.filter(pa.array(keep)))
    return Decoded(good, got.findings + [finding for _, finding in found], refused, got.header)


def read(value: bytes, content_type: str) -> Decoded:
    """Read one envelope; the values of its lines are still to be checked. Parameters as of ``decode``."""
    try:
        if len(value) > MAX_BYTES:
            raise _RefusedError(Reason.TOO_LARGE, "value", f"at most {MAX_BYTES} bytes", len(value))
        if content_type == ARROW:
            header, lines = _read_arrow(value)
            return Decoded(Envelope(header, lines), [], [], header)
        if content_type == JSON:
            json_header, lines, findings, refused = read_json(value)
            if json_header is None:
                return Decoded(None, findings)
            _check_header(json_header)
            return Decoded(Envelope(json_header, lines), findings, refused, json_header)
        expected = f"{ARROW} or {JSON}"
        raise _RefusedError(Reason.UNKNOWN_CONTENT_TYPE, "content-type", expected, content_type or "none")
    except _RefusedError as refusal:
        return Decoded(None, [refusal.finding], header=refusal.header)


def refused_rows(lines: pa.RecordBatch, keep: Mask) -> list[dict[str, Any]]:
    """The lines left out, as they came, with ``ts`` in ms UTC."""
    out = lines.filter(pa.array(~keep))
    rows: list[dict[str, Any]] = out.set_column(1, "ts", out.column(1).cast(pa.int64())).to_pylist()
    return rows


def _check_header(header: Header) -> None:
    if header.version != VERSION:
        raise _RefusedError(Reason.UNKNOWN_VERSION, "version", str(VERSION), header.version, header)
    if not 1 <= header.seq < 1 << 62:
        raise _RefusedError(Reason.OUT_OF_RANGE, "seq", "a whole number from 1", header.seq, header)
    if not 0 <= header.sent_at < 1 << 43:
        raise _RefusedError(Reason.OUT_OF_RANGE, "sent_at", "ms UTC", header.sent_at, header)
    if not 1 <= len(header.terminal_id) <= 64:
        raise _RefusedError(Reason.OUT_OF_RANGE, "terminal_id", "1 to 64 characters", header.terminal_id, header)


def _read_arrow(value: bytes) -> tuple[Header, pa.RecordBatch]:
    try:
        schema, batches = read_stream(value)
    except CompressedError:
        raise _RefusedError(Reason.COMPRESSED, "value", "plain Arrow buffers", "compressed ones") from None
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        raise _RefusedError(Reason.UNREADABLE, "value", "an Arrow IPC stream", error) from None
    header = _header_of(schema.metadata or {})
    rows = sum(b.num_rows for b in batches)
    if rows > MAX_LINES:
        raise _RefusedError(Reason.TOO_MANY_LINES, "lines", f"at most {MAX_LINES} lines", rows, header)
    _check_columns(schema, header)
    try:
        for batch in batches:
            batch.validate(full=True)
        # Almost always it is one batch; of several, each may have dictionaries of its own.
        whole = batches[0] if len(batches) == 1 else pa.Table.from_batches(batches, schema).combine_chunks()
        columns = [_column(whole, f) for f in LINE_SCHEMA]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _RefusedError(Reason.UNREADABLE, "value", "sound Arrow buffers", error, header) from None
    return header, pa.RecordBatch.from_arrays(columns, schema=_NULLABLE)


_NULLABLE: Final = pa.schema([f.with_nullable(True) for f in LINE_SCHEMA])


def _header_of(metadata: dict[bytes, bytes]) -> Header:
    try:
        text = {k: metadata[k.encode()].decode() for k in HEADER_KEYS}
    except KeyError as missing:
        name = missing.args[0].decode()
        raise _RefusedError(Reason.MISSING_FIELD, name, "in the schema's metadata", "none") from None
    except UnicodeDecodeError as error:
        raise _RefusedError(Reason.WRONG_TYPE, "metadata", "UTF-8 text", error) from None
    for k in ("version", "seq", "sent_at"):
        if not (text[k].isascii() and text[k].removeprefix("-").isdigit() and len(text[k]) < 20):
            raise _RefusedError(Reason.WRONG_TYPE, k, "a whole number", text[k])
    header = Header(int(text["version"]), text["terminal_id"], int(text["seq"]), int(text["sent_at"]))
    _check_header(header)
    return header


def _check_columns(schema: pa.Schema, header: Header) -> None:
    for name in REQUIRED:
        if schema.get_field_index(name) < 0:
            got = "none, or it stands twice"
            raise _RefusedError(Reason.MISSING_FIELD, name, "one column of that name", got, header)
    for wanted in LINE_SCHEMA:
        at = schema.get_field_index(wanted.name)
        if at < 0:
            continue
        has = schema.field(at).type
        plain = has.value_type if pa.types.is_dictionary(has) and wanted.name in TEXTS else has
        if plain != wanted.type and not (wanted.name == "ts" and plain == pa.int64()):
            raise _RefusedError(Reason.WRONG_TYPE, wanted.name, str(wanted.type), has, header)


def _column(lines: pa.RecordBatch | pa.Table, wanted: pa.Field) -> pa.Array:
    at = lines.schema.get_field_index(wanted.name)
    if at < 0:
        return pa.nulls(lines.num_rows, wanted.type)
    column = lines.column(at)
    if column.type != wanted.type:
        column = column.cast(wanted.type)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
