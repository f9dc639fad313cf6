import pytest
from confluent_kafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from sinks.ledger import LedgerError, Position, begun, decode, encode, position_of, written

OFFSETS = st.integers(0, 1 << 62)
MARKS = st.dictionaries(st.from_regex(r"[0-9]{1,4}[wl]?", fullmatch=True), OFFSETS, max_size=20)


@given(st.none() | OFFSETS, MARKS)
def test_what_is_encoded_is_decoded(pending: int | None, high: dict[str, int]) -> None:
    assert decode(encode(pending, high)) == (pending, high)


def test_the_metadata_of_64_partitions_with_huge_offsets_fits_into_what_a_broker_takes() -> None:
    high = {f"{p}{kind}": 10**12 + p for p in range(64) for kind in "wl"}
    assert len(encode(10**12, high)) < 4096


def test_nothing_committed_is_a_start_without_a_position() -> None:
    assert position_of(TopicPartition("pos.clean", 0, -1001)) == Position()


def test_an_offset_that_another_tool_set_has_no_block_and_no_high_water() -> None:
    assert position_of(TopicPartition("pos.clean", 0, 7)) == Position(7, None, {})


def test_a_begun_block_is_found_again_with_its_range_and_the_high_water_before_it() -> None:
    found = position_of(begun("pos.clean", 2, 100, 149, {"2": 41}))
    assert found == Position(100, 149, {"2": 41})


def test_a_written_block_leaves_the_offset_after_it_and_nothing_begun() -> None:
    found = position_of(written("pos.clean", 2, 149, {"2": 60}))
    assert found == Position(150, None, {"2": 60})


@pytest.mark.parametrize("junk", ["2;;", "hello", "1;x;", "1;5", "1;5;0:x", "1;5;0", ";;;;"])
def test_metadata_of_another_program_is_refused_with_what_to_do(junk: str) -> None:
    with pytest.raises(LedgerError, match="another group"):
        decode(junk)
