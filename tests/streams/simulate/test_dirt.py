"""Dirty input is refused, all of it, and for the reason it was made for."""

import numpy as np
import pyarrow as pa
import pytest

from streams.codec import decode, encode_arrow
from streams.envelope import Header
from streams.reasons import Reason
from streams.simulate import VARIANTS, dirty

NOW = 1_760_000_000_000


@pytest.fixture(scope="module")
def envelope() -> bytes:
    lines = pa.RecordBatch.from_pydict(
        {
            "line": pa.array([0, 1, 2], pa.uint16()),
            "ts": pa.array([NOW - 3, NOW - 2, NOW - 1]).cast(pa.timestamp("ms", "UTC")),
            "kind": ["sale"] * 3,
            "sku": ["a", "b", "c"],
            "qty": pa.array([1000, 0, 500]),
            "amount": pa.array([250, 0, 125]),
        }
    )
    return encode_arrow(Header(1, "t-1", 17, NOW), lines)


@pytest.mark.parametrize("reason", list(VARIANTS))
@pytest.mark.parametrize("seed", range(5))
def test_each_variant_is_refused_for_its_own_reason(envelope: bytes, reason: Reason, seed: int) -> None:
    value, content_type = VARIANTS[reason](envelope, np.random.default_rng(seed))
    decoded = decode(value, content_type, NOW)
    assert {f.reason for f in decoded.findings} == {reason}
    assert decoded.envelope is None or decoded.envelope.lines.num_rows == 0


def test_a_generator_decides_the_variant_and_all_of_them_come(envelope: bytes) -> None:
    assert dirty(envelope, np.random.default_rng(4)) == dirty(envelope, np.random.default_rng(4))
    rng = np.random.default_rng(1)
    reasons = {decode(*dirty(envelope, rng), NOW).findings[0].reason for _ in range(100)}
    assert reasons == set(VARIANTS)


def test_the_envelope_itself_is_clean(envelope: bytes) -> None:
    assert decode(envelope, "application/vnd.apache.arrow.stream", NOW).findings == []
