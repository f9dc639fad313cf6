"""Envelopes in both formats: what is taken, what is refused and why, and that no bytes whatever stop the reader."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.codec import Decoded, decode, encode_arrow, encode_json
from streams.envelope import ARROW, JSON, LINE_SCHEMA, MAX_LINES, Header
from streams.reasons import EXPLANATIONS, Reason

NOW = 1_760_000_000_000
HEADER = Header(1, "T-1", 7, NOW)


def line(**changes: Any) -> dict[str, Any]:
    row = {"line": 0, "ts": NOW - 1000, "kind": "sale", "sku": "6901234567892", "qty": 1000, "amount": 250}
    return {k: v for k, v in {**row, **changes}.items() if v is not ...}


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    plain = pa.schema([f.with_nullable(True) if f.name != "ts" else pa.field("ts", pa.int64()) for f in LINE_SCHEMA])
    lines = pa.RecordBatch.from_pylist(list(rows), schema=plain)
    # By way of a number: no datetime holds the times beyond the year 9999 that a till may send.
    return lines.set_column(
        1, pa.field("ts", pa.timestamp("ms", "UTC")), lines.column(1).cast(pa.timestamp("ms", "UTC"))
    )


def as_json(*rows: Any, **header: Any) -> bytes:
    return json.dumps({"version": 1, "terminal_id": "T-1", "seq": 7, "sent_at": NOW, **header, "lines": rows}).encode()


def reasons(decoded: Decoded) -> list[tuple[Reason, str, int | None]]:
    return [(f.reason, f.field, f.line) for f in decoded.findings]


@pytest.mark.parametrize(("encode", "content_type"), [(encode_arrow, ARROW), (encode_json, JSON)])
def test_an_envelope_comes_back_as_it_was_sent(encode: Any, content_type: str) -> None:
    rows = [line(line=i, name="食盐 400g", unit="袋", promo=bool(i % 2), origin="CN") for i in range(3)]
    decoded = decode(encode(HEADER, batch(*rows)), content_type, NOW)
    assert decoded.findings == []
    assert decoded.envelope is not None
    assert decoded.envelope.header == HEADER
    assert decoded.envelope.lines.equals(batch(*rows))


def test_text_columns_may_be_dictionary_encoded_and_optional_ones_absent() -> None:
    full = batch(line(), line(line=1, sku="A"))
    lean = pa.RecordBatch.from_arrays(
        [full.column(n).dictionary_encode() if n in ("kind", "sku") else full.column(n) for n in REQUIRED_FIRST],
        names=REQUIRED_FIRST,
    )
    decoded = decode(encode_arrow(HEADER, lean), ARROW, NOW)
    assert decoded.findings == []
    assert decoded.envelope is not None
    assert decoded.envelope.lines.equals(full)


REQUIRED_FIRST = ["line", "ts", "kind", "sku", "qty", "amount"]


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"qty": -1}, Reason.NEGATIVE, "qty"),
        ({"amount": -250}, Reason.NEGATIVE, "amount"),
        ({"amount": 1 << 60}, Reason.OUT_OF_RANGE, "amount"),
        ({"ts": NOW + 25 * 3_600_000}, Reason.FUTURE_TIME, "ts"),
        ({"ts": -5}, Reason.OUT_OF_RANGE, "ts"),
        ({"ts": 1 << 60}, Reason.FUTURE_TIME, "ts"),
        ({"sku": ""}, Reason.MISSING_FIELD, "sku"),
        ({"name": "x" * 257}, Reason.TOO_LONG, "name"),
        ({"line": 0}, Reason.DUPLICATE_LINE, "line"),
    ],
)
@pytest.mark.parametrize(("encode", "content_type"), [(encode_arrow, ARROW), (encode_json, JSON)])
def test_a_bad_line_is_refused_alone(
    changes: dict[str, Any], reason: Reason, field: str, encode: Any, content_type: str
) -> None:
    rows = [line(), line(line=1, **changes) if "line" not in changes else line(**changes), line(line=2)]
    decoded = decode(encode(HEADER, batch(*rows)), content_type, NOW)
    assert [(f.reason, f.field) for f in decoded.findings] == [(reason, field)]
    assert decoded.findings[0].expected
    assert decoded.envelope is not None
    assert decoded.envelope.lines.num_rows == 2
    assert len(decoded.refused) == 1


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        (line(qty="much"), Reason.WRONG_TYPE, "qty"),
        (line(qty=1.5), Reason.WRONG_TYPE, "qty"),
        (line(qty=...), Reason.MISSING_FIELD, "qty"),
        (line(kind="gift"), Reason.WRONG_TYPE, "kind"),
        (line(colour="red"), Reason.WRONG_TYPE, "colour"),
        (line(qty=1 << 80), Reason.OUT_OF_RANGE, "qty"),
        (line(line=-1), Reason.NEGATIVE, "line"),
        (line(line=70_000), Reason.OUT_OF_RANGE, "line"),
        ("no object", Reason.WRONG_TYPE, "value"),
    ],
)
def test_a_row_of_the_wrong_type_is_refused_alone_in_json(row: Any, reason: Reason, field: str) -> None:
    decoded = decode(as_json(line(), row), JSON, NOW)
    assert decoded.envelope is not None
    assert decoded.envelope.lines.num_rows == 1
    found = decoded.findings[0]
    assert (found.reason, found.field, found.line) == (reason, field, 1)


@pytest.mark.parametrize(
    ("header", "reason", "field"),
    [
        ({"version": 2}, Reason.UNKNOWN_VERSION, "version"),
        ({"seq": "seven"}, Reason.WRONG_TYPE, "seq"),
        ({"seq": 0}, Reason.OUT_OF_RANGE, "seq"),
        ({"terminal_id": ""}, Reason.OUT_OF_RANGE, "terminal_id"),
        ({"sent_at": -1}, Reason.OUT_OF_RANGE, "sent_at"),
        ({"surprise": 1}, Reason.WRONG_TYPE, "surprise"),
    ],
)
def test_a_bad_header_refuses_the_envelope(header: dict[str, Any], reason: Reason, field: str) -> None:
    decoded = decode(as_json(line(), **header), JSON, NOW)
    assert decoded.envelope is None
    assert reasons(decoded) == [(reason, field, None)]


@pytest.mark.parametrize(
    ("metadata", "reason", "field"),
    [
        ({"seq": "seven"}, Reason.WRONG_TYPE, "seq"),
        ({"seq": None}, Reason.MISSING_FIELD, "seq"),
        ({"version": "9"}, Reason.UNKNOWN_VERSION, "version"),
        ({"terminal_id": b"\xff\xfe"}, Reason.WRONG_TYPE, "metadata"),
    ],
)
def test_a_bad_arrow_header_refuses_the_envelope(metadata: dict[str, Any], reason: Reason, field: str) -> None:
    said = {"version": "1", "terminal_id": "T-1", "seq": "7", "sent_at": str(NOW), **metadata}
    decoded = decode(stream(batch(line()), {k: v for k, v in said.items() if v is not None}), ARROW, NOW)
    assert decoded.envelope is None
    assert reasons(decoded) == [(reason, field, None)]


def stream(lines: pa.RecordBatch, metadata: dict[str, Any], compression: str | None = None) -> bytes:
    schema = lines.schema.with_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_batch(lines.replace_schema_metadata(schema.metadata))
    data: bytes = sink.getvalue().to_pybytes()
    return data


META = {"version": "1", "terminal_id": "T-1", "seq": "7", "sent_at": str(NOW)}


def test_compressed_buffers_are_refused_before_they_swell() -> None:
    bomb = batch(*(line(line=i, name="a" * 250) for i in range(MAX_LINES)))
    for compression in ("zstd", "lz4"):
        assert reasons(decode(stream(bomb, META, compression), ARROW, NOW)) == [(Reason.COMPRESSED, "value", None)]
    packed = pa.RecordBatch.from_arrays([pa.array(["a" * 250] * 200).dictionary_encode()], ["sku"])
    assert reasons(decode(stream(packed, META, "zstd"), ARROW, NOW)) == [(Reason.COMPRESSED, "value", None)]


def test_a_stream_cut_short_between_two_messages_is_no_shorter_envelope() -> None:
    whole = encode_arrow(HEADER, batch(line(), line(line=1)))
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(whole))
    schema = reader.read_next_message().serialize().size
    for end in (schema, len(whole) - 8):
        assert reasons(decode(whole[:end], ARROW, NOW)) == [(Reason.UNREADABLE, "value", None)]


def test_a_missing_or_wrong_column_is_named() -> None:
    lines = batch(line())
    assert reasons(decode(encode_arrow(HEADER, lines.drop_columns(["qty"])), ARROW, NOW)) == [
        (Reason.MISSING_FIELD, "qty", None)
    ]
    floats = lines.set_column(lines.schema.get_field_index("qty"), "qty", pa.array([1.5]))
    assert reasons(decode(encode_arrow(HEADER, floats), ARROW, NOW)) == [(Reason.WRONG_TYPE, "qty", None)]


@pytest.mark.parametrize(("encode", "content_type"), [(encode_arrow, ARROW), (encode_json, JSON)])
def test_more_than_two_thousand_lines_are_refused(encode: Any, content_type: str) -> None:
    rows = [line(line=i) for i in range(MAX_LINES + 1)]
    assert decode(encode(HEADER, batch(*rows[:-1])), content_type, NOW).findings == []
    assert reasons(decode(encode(HEADER, batch(*rows)), content_type, NOW)) == [(Reason.TOO_MANY_LINES, "lines", None)]


def test_an_envelope_of_more_than_one_mebibyte_is_refused() -> None:
    assert reasons(decode(b" " * ((1 << 20) + 1), JSON, NOW)) == [(Reason.TOO_LARGE, "value", None)]


def test_an_unknown_content_type_is_refused() -> None:
    assert reasons(decode(b"x", "text/csv", NOW)) == [(Reason.UNKNOWN_CONTENT_TYPE, "content-type", None)]


def test_every_reason_is_explained_in_both_languages() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    assert all(en and zh for en, zh in EXPLANATIONS.values())


fuzz = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def total(decoded: Decoded) -> None:
    """Nothing vanishes: what is not taken has a finding, one for each refused line."""
    if decoded.envelope is None:
        assert len(decoded.findings) == 1
        assert decoded.refused == []
    else:
        assert len(decoded.findings) == len(decoded.refused)


@fuzz
@given(st.binary(max_size=2000), st.sampled_from([ARROW, JSON, ""]))
def test_no_bytes_whatever_raise(value: bytes, content_type: str) -> None:
    total(decode(value, content_type, NOW))


GOOD_ARROW = encode_arrow(HEADER, batch(*(line(line=i, name="米") for i in range(4))))
GOOD_JSON = encode_json(HEADER, batch(*(line(line=i, name="米") for i in range(4))))


@fuzz
@given(
    st.sampled_from([(GOOD_ARROW, ARROW), (GOOD_JSON, JSON)]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 5000),
)
def test_a_damaged_envelope_never_raises(good: tuple[bytes, str], flips: list[tuple[int, int]], cut: int) -> None:
    value = bytearray(good[0])
    for at, byte in flips:
        value[at % len(value)] = byte
    total(decode(bytes(value[: len(value) - cut % len(value)]) if cut % 3 == 0 else bytes(value), good[1], NOW))


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
junk = st.recursive(scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(max_size=8), x, max_size=4))
rows = st.dictionaries(st.sampled_from([f.name for f in LINE_SCHEMA]), junk, max_size=14)


@fuzz
@given(st.lists(rows | junk, max_size=5), st.dictionaries(st.sampled_from(["version", "seq", "sent_at"]), junk))
def test_no_json_whatever_raises(lines: list[Any], header: dict[str, Any]) -> None:
    total(decode(as_json(*lines, **header), JSON, NOW))


def test_deep_nesting_is_refused() -> None:
    assert reasons(decode(b"[" * 100_000, JSON, NOW))[0][0] in (Reason.UNREADABLE, Reason.WRONG_TYPE)
