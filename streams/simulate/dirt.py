"""Dirty input: what broken tills and strangers send, one variant for each reason to refuse it."""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from streams.codec import HEADER_KEYS, encode_arrow, encode_json
from streams.envelope import ARROW, JSON, MAX_LINES, VERSION, Header
from streams.reasons import Reason

_YEAR_2100_MS: Final = 4_102_444_800_000

Dirty = Callable[[bytes, np.random.Generator], tuple[bytes, str]]


def dirty(envelope: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """An Arrow envelope spoilt in one way of ``VARIANTS``, and its content type. Pure, but for ``rng``."""
    return VARIANTS[list(VARIANTS)[int(rng.integers(len(VARIANTS)))]](envelope, rng)


def _truncated(envelope: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    # Messages of a stream are aligned to 8 bytes: an odd end never stands between two of them.
    return envelope[: int(rng.integers(len(envelope) // 4, len(envelope) // 2)) | 1], ARROW


def _wrong_version(envelope: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    header, lines = _open(envelope)
    return encode_arrow(msgspec.structs.replace(header, version=VERSION + int(rng.integers(1, 99))), lines), ARROW


def _negative(envelope: bytes, _rng: np.random.Generator) -> tuple[bytes, str]:
    header, lines = _open(envelope)
    return encode_arrow(header, _replace(lines, "qty", pa.array(-1 - _ints(lines, "qty")))), ARROW


def _seq_as_text(envelope: bytes, _rng: np.random.Generator) -> tuple[bytes, str]:
    header, lines = _open(envelope)
    good = encode_json(header, lines)
    return good.replace(f'"seq":{header.seq}'.encode(), f'"seq":"{header.seq}"'.encode(), 1), JSON


def _too_many(envelope: bytes, _rng: np.random.Generator) -> tuple[bytes, str]:
    header, lines = _open(envelope)
    again = lines.take(pa.array(np.arange(MAX_LINES + 1) % lines.num_rows))
    return encode_arrow(header, _replace(again, "line", pa.array(np.arange(MAX_LINES + 1, dtype=np.uint16)))), ARROW


def _future(envelope: bytes, _rng: np.random.Generator) -> tuple[bytes, str]:
    header, lines = _open(envelope)
    times = pa.array(np.full(lines.num_rows, _YEAR_2100_MS)).cast(lines.column("ts").type)
    return encode_arrow(header, _replace(lines, "ts", times)), ARROW


VARIANTS: Final[dict[Reason, Dirty]] = {
    Reason.UNREADABLE: _truncated,
    Reason.UNKNOWN_VERSION: _wrong_version,
    Reason.NEGATIVE: _negative,
    Reason.WRONG_TYPE: _seq_as_text,
    Reason.TOO_MANY_LINES: _too_many,
    Reason.FUTURE_TIME: _future,
}
"""By the reason for which the result is refused: all of its lines, whether as a whole or one by one."""


def _open(envelope: bytes) -> tuple[Header, pa.RecordBatch]:
    with pa.ipc.open_stream(pa.py_buffer(envelope)) as reader:
        lines = reader.read_next_batch()
        text = {k: reader.schema.metadata[k.encode()].decode() for k in HEADER_KEYS}
    return Header(int(text["version"]), text["terminal_id"], int(text["seq"]), int(text["sent_at"])), lines


def _ints(lines: pa.RecordBatch, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = lines.column(name).to_numpy(zero_copy_only=False)
    return values


def _replace(lines: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    return lines.set_column(lines.schema.get_field_index(name), name, values)
