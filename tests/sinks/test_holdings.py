"""Which enterprises count as one, by the register and by a file."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from sinks.holdings import holders

DAY = datetime(2026, 3, 2, tzinfo=UTC)
NEVER = datetime(2106, 1, 1, tzinfo=UTC)
Record = tuple[str, str, datetime, datetime]


def on(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def groups(records: list[Record], said: dict[str, str] | None = None) -> list[list[str]]:
    """The enterprises a, b, c and d by what they count as."""
    names = ("enterprise", "holding", "valid_from", "valid_to")
    table = pa.Table.from_pylist([dict(zip(names, one, strict=True)) for one in records])
    found = holders(table, DAY, said or {})
    by: dict[str, list[str]] = {}
    for enterprise in "abcd":
        by.setdefault(found.get(enterprise, enterprise), []).append(enterprise)
    return sorted(by.values())


def test_enterprises_of_one_holding_count_as_one_and_others_for_themselves() -> None:
    assert groups([("a", "H", on(1), NEVER), ("b", "H", on(1), NEVER), ("c", "c", on(1), NEVER)]) == [
        ["a", "b"],
        ["c"],
        ["d"],
    ]
    assert groups([]) == [["a"], ["b"], ["c"], ["d"]]


@pytest.mark.parametrize("merged", [on(2), on(6)])
def test_enterprises_that_have_merged_count_as_one_in_the_past_too(merged: datetime) -> None:
    assert groups([("a", "H", on(1), NEVER), ("b", "b", on(1), merged), ("b", "H", merged, NEVER)]) == [
        ["a", "b"],
        ["c"],
        ["d"],
    ]


def test_an_enterprise_sold_since_joins_who_had_it_and_who_has_it_but_not_who_had_it_before_the_day() -> None:
    sold = [("a", "H", on(1), on(6)), ("a", "I", on(6), NEVER), ("b", "H", on(1), NEVER), ("c", "I", on(1), NEVER)]
    assert groups(sold) == [["a", "b", "c"], ["d"]]
    before = [("a", "H", on(1), on(2)), ("a", "I", on(2), NEVER), *sold[2:]]
    assert groups(before) == [["a", "c"], ["b"], ["d"]]


def test_what_was_known_last_of_an_enterprise_holds_after_its_record_has_ended() -> None:
    assert groups([("a", "H", on(1), on(2)), ("b", "H", on(1), NEVER)]) == [["a", "b"], ["c"], ["d"]]


def test_a_holding_named_after_one_of_its_enterprises_counts_as_one_with_it() -> None:
    assert groups([("a", "d", on(1), NEVER)]) == [["a", "d"], ["b"], ["c"]]


def test_a_file_stands_in_the_place_of_the_register_for_the_enterprises_that_it_names() -> None:
    records = [(one, "H", on(1), NEVER) for one in "abc"]
    assert groups(records, {"c": "c"}) == [["a", "b"], ["c"], ["d"]]
    assert groups(records, {"d": "H"}) == [["a", "b", "c", "d"]]
    assert groups(records, {"c": "I", "d": "I"}) == [["a", "b"], ["c", "d"]]
