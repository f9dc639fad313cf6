"""What the comparison of sent, stored and refused says, fault by fault."""

import pytest

from sinks.reconcile import Count, Held, Raw, Sent, Told, compare

DAY = "2026-03-11"


def sent(seq: int, lines: int = 5, *, terminal: str = "T", offset: int | None = None) -> Sent:
    return Sent(terminal, seq, DAY, lines, (0, seq if offset is None else offset))


def held(seq: int, lines: int = 5, *, terminal: str = "T", offset: int | None = None) -> Held:
    return Held(terminal, seq, DAY, lines, (0, seq if offset is None else offset))


def raw_of(*messages: Sent) -> Raw:
    raw = Raw()
    for one in messages:
        raw.add(one, refused=False)
    return raw


def only(counts: list[Count]) -> Count:
    (count,) = counts
    return count


def test_all_that_was_sent_stands_in_the_store_or_among_the_refused() -> None:
    count = only(
        compare(raw_of(sent(1), sent(2)), [held(1), held(2, 3)], {(0, 2): 2}, {("T", DAY): Told(10, 2, False)})
    )
    assert count == Count("T", DAY, acknowledged=10, raw=10, stored=8, refused=2)


def test_an_envelope_refused_whole_is_refused_with_all_its_lines() -> None:
    raw = raw_of(sent(1))
    raw.add(sent(2, offset=9), refused=True)
    count = only(compare(raw, [held(1)], {}, {("T", DAY): Told(10, 2, False)}))
    assert (count.raw, count.refused, count.faults) == (10, 5, [])


def test_an_envelope_that_came_again_counts_once() -> None:
    count = only(compare(raw_of(sent(1), sent(1, offset=7)), [held(1)], {}, {}))
    assert (count.raw, count.repeated, count.faults) == (5, 1, [])


@pytest.mark.parametrize(
    ("messages", "rows", "fault"),
    [
        ([sent(1), sent(2)], [held(1)], "seq 2 at 0:2: 5 lines, 0 of them stored and 0 refused"),
        ([sent(1)], [held(1, 4)], "seq 1 at 0:1: 5 lines, 4 of them stored and 0 refused"),
        ([sent(1), sent(1, offset=7)], [held(1), held(1, offset=7)], "stored twice"),
        ([sent(1)], [held(1), held(3)], "seq 3 at 0:3: 5 lines are stored of what is not in pos.raw"),
    ],
)
def test_what_is_lost_doubled_or_from_nowhere_is_named(messages: list[Sent], rows: list[Held], fault: str) -> None:
    assert any(fault in one for one in only(compare(raw_of(*messages), rows, {}, {})).faults)


def test_what_a_terminal_was_promised_must_have_come() -> None:
    told = {("T", DAY): Told(15, 3, True)}
    count = only(compare(raw_of(sent(1), sent(2)), [held(1), held(2)], {}, told))
    assert count.faults == ["15 lines were acknowledged, 10 came"]


def test_what_was_on_its_way_when_the_terminal_spoke_is_no_fault() -> None:
    raw, rows = raw_of(sent(1), sent(2), sent(3)), [held(1), held(2), held(3)]
    for told, faults in (
        (Told(10, 2, False), []),
        (Told(10, 3, True), []),
        (Told(10, 3, False), ["10 lines were acknowledged, 15 came"]),
    ):
        assert only(compare(raw, rows, {}, {("T", DAY): told})).faults == faults


def test_what_raw_no_longer_has_is_compared_without_it() -> None:
    raw = raw_of(sent(2))
    raw.forgot(held(1, 3), 2)
    count = only(compare(raw, [held(1, 3), held(2)], {(0, 1): 2}, {("T", DAY): Told(10, 2, False)}))
    assert (count.raw, count.gone, count.stored, count.refused, count.faults) == (5, 5, 8, 2, [])


def test_counts_are_by_day_and_terminal() -> None:
    raw = raw_of(sent(1, terminal="B"), sent(1, terminal="A"), Sent("A", 2, "2026-03-10", 1, (0, 8)))
    counts = compare(raw, [], {}, {("C", DAY): Told(1, 1, False)})
    assert [(c.day, c.terminal_id) for c in counts] == [("2026-03-10", "A"), (DAY, "A"), (DAY, "B"), (DAY, "C")]
