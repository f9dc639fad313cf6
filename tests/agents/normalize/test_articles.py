"""Articles: described once by their first line, again when the registry changes; splits, scale labels, brands."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.identify.chain import Chain, Description, Sight
from agents.normalize.catalogue import LEARNED_ROWS
from agents.registry import Registry
from agents.stage import Outgoing
from streams.columns import Quality
from streams.records import (
    SPLIT,
    Decision,
    EnterpriseRecord,
    LabelLayout,
    Mapping,
    MappingRecord,
    SkuRecord,
    TerminalRecord,
    encode,
)
from streams.topics import SKUS
from tests.agents.till import NOW, by_word, cells, clean, home, record, registry, sightings, stage


class CountingChain:
    """The chain over ``by_word``; keeps what it was asked."""

    def __init__(self, known: Registry) -> None:
        self._chain = Chain(known, by_word)
        self.asked: list[list[Sight]] = []

    def describe(self, sights: Sequence[Sight]) -> list[Description]:
        self.asked.append(list(sights))
        return self._chain.describe(sights)


def decision(sku: str, verdict: Any = "corrected", **said: Any) -> bytes:
    return encode(Decision("D-1", "E-1", sku, verdict, "reviewer", NOW, **said))


def columns(sent: list[Outgoing], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[n] for n in names) for row in clean(sent).to_pylist()]


def test_a_new_article_is_described_by_its_first_line_and_sent_out_with_what_was_seen() -> None:
    s = stage(registry())
    row = {"sku": "A", "unit": "kg", "name": "红富士苹果", "spec": "一级", "barcode": "X", "category": "水果"}
    s.apply(record(7, 1, row, {"sku": "A", "unit": "kg", "name": "another"}))
    sent = s.drain()
    assert columns(sent, "sku", "code", "method") == [("A", "0901", "name")] * 2
    (message,) = [o for o in sent if o.topic == SKUS]
    assert (message.key, message.partition) == (b"E-1", home("T-1"))
    (seen,) = sightings(sent)
    assert (seen.raw_partition, seen.raw_offset, seen.at) == (home("T-1"), 7, NOW)
    (sku,) = seen.skus
    assert (sku.enterprise, sku.sku, sku.unit, sku.code, sku.seen_at) == ("E-1", "A", "kg", "0901", NOW)
    assert (sku.name, sku.spec, sku.barcode, sku.category) == ("红富士苹果", "一级", "X", "水果")
    assert (sku.method, sku.per_unit) == ("name", 1000)
    assert sku.confidence == pytest.approx(0.9)


def test_the_new_articles_of_many_envelopes_are_described_in_one_call_and_known_ones_not_again() -> None:
    known = registry(("T-1", "T-2"))
    chain = CountingChain(known)
    s = stage(known, chain.describe)
    for offset, terminal in enumerate(("T-1", "T-2", "T-1")):
        row = {"sku": f"A{offset % 2}", "name": "苹果"}
        s.apply(record(offset, offset + 1, row, {"sku": "B"}, terminal=terminal))
    s.drain()
    s.apply(record(3, 9, {"sku": "B"}))
    s.drain()
    assert [[sight.sku for sight in call] for call in chain.asked] == [["A0", "B", "A1"]]


def test_a_decision_takes_effect_with_the_next_line_and_touches_no_other_article() -> None:
    known = registry()
    chain = CountingChain(known)
    s = stage(known, chain.describe)
    s.apply(record(0, 1, {"sku": "SALT"}, {"sku": "A", "name": "苹果汁", "unit": "kg"}))
    s.drain()
    known.apply(decision("A", code="0604", name="苹果汁"))
    s.apply(record(1, 2, {"sku": "SALT"}))
    s.apply(record(2, 3, {"sku": "A", "unit": "kg"}))
    sent = s.drain()
    assert columns(sent, "sku", "code", "method") == [("SALT", "1001", "registry"), ("A", "0604", "review")]
    assert [[sight.sku for sight in call] for call in chain.asked[1:]] == [["A"]]
    assert [sku.sku for seen in sightings(sent) for sku in seen.skus] == ["A"]


def test_a_description_that_did_not_change_is_not_sent_again() -> None:
    known = registry()
    s = stage(known)
    s.apply(record(0, 1, {}))
    assert [len(seen.skus) for seen in sightings(s.drain())] == [1]
    known.apply(encode(MappingRecord("E-1", [Mapping("SALT", "1001", "袋", 400)])))
    s.apply(record(1, 2, {}))
    assert sightings(s.drain()) == []


def test_a_large_delivery_of_mappings_reaches_all_articles_of_its_enterprise() -> None:
    known = registry()
    known.apply(encode(TerminalRecord("T-2", "E-2", "330602")))
    s = stage(known)
    for offset, terminal in enumerate(("T-1", "T-2")):
        s.apply(record(offset, 1, {"sku": "A7", "unit": "kg"}, terminal=terminal))
    s.drain()
    known.apply(encode(MappingRecord("E-2", [Mapping(f"A{i}", "0301") for i in range(1000)])))
    for offset, terminal in enumerate(("T-1", "T-2")):
        s.apply(record(offset + 2, 2, {"sku": "A7", "unit": "kg"}, terminal=terminal))
    assert sorted(columns(s.drain(), "enterprise", "code")) == [("E-1", "99"), ("E-2", "0301")]


def test_a_line_that_leaves_its_name_out_is_described_by_the_name_of_an_earlier_one() -> None:
    known = registry()
    s = stage(known)
    s.apply(record(0, 1, {"sku": "A", "name": "苹果", "unit": "kg"}))
    s.drain()
    # Nothing to withdraw: but the registry says that something about A is new.
    known.apply(decision("A", "withdrawn"))
    s.apply(record(1, 2, {"sku": "A", "unit": "kg"}))
    assert columns(s.drain(), "code", "method") == [("0901", "name")]


def test_what_was_learned_reaches_undecided_articles_a_few_at_a_time() -> None:
    known = registry()
    chain = CountingChain(known)
    s = stage(known, chain.describe)
    rows = [{"sku": f"A{i}", "name": "无名之物", "unit": "kg"} for i in range(LEARNED_ROWS + 5)]
    s.apply(record(0, 1, *rows, {"sku": "SALT"}))
    s.drain()
    known.apply(decision("other", code="0801", name="无名之物"))
    asked = []
    for offset in range(1, 4):
        s.apply(record(offset, offset + 1, *rows, {"sku": "SALT"}))
        s.drain()
        asked.append(sum(len(call) for call in chain.asked[1:]))
    assert asked == [LEARNED_ROWS, LEARNED_ROWS + 5, LEARNED_ROWS + 5]
    s.apply(record(4, 5, *rows))
    assert set(columns(s.drain(), "code", "method")) == {("0801", "name_confirmed")}


def test_a_split_sku_is_an_article_by_name_until_the_decision_is_withdrawn() -> None:
    known = registry()
    s = stage(known)
    rows = [{"sku": "A", "unit": "kg", "name": name} for name in ("苹果", "大白菜", "苹果")]
    s.apply(record(0, 1, rows[0]))
    s.drain()
    known.apply(decision("A", "split"))
    s.apply(record(1, 2, {}, *rows))
    sent = s.drain()
    apple, cabbage = f"A{SPLIT}苹果", f"A{SPLIT}大白菜"
    assert columns(sent, "sku", "code") == [("SALT", "1001"), (apple, "0901"), (cabbage, "0801"), (apple, "0901")]
    assert sorted(sku.sku for seen in sightings(sent) for sku in seen.skus) == sorted(["SALT", apple, cabbage])
    known.apply(decision(cabbage, code="0802"))
    s.apply(record(2, 3, *rows[1:]))
    assert columns(s.drain(), "sku", "code") == [(cabbage, "0802"), (apple, "0901")]
    known.apply(decision("A", "withdrawn"))
    s.apply(record(3, 4, *rows[1:]))
    assert columns(s.drain(), "sku", "code") == [("A", "0802")] * 2


LABELS = EnterpriseRecord("E-1", [LabelLayout("21", 13, (2, 7), (7, 12), "weight", check_digit=False)])


def test_a_scale_label_gives_the_article_and_what_the_piece_weighs() -> None:
    known = registry()
    known.apply(encode(LABELS))
    known.apply(encode(MappingRecord("E-1", [Mapping("21:12345", "0301")])))
    s = stage(known)
    rows: list[dict[str, Any]] = [
        {"sku": "2112345012500", "unit": "个", "qty": 1000, "amount": 3750},
        {"sku": "2112345008000", "unit": "个", "qty": 2000, "amount": 4800},
        {"sku": "2112345008000", "unit": "kg", "qty": 800, "amount": 2400},
        {"sku": "SALT"},
    ]
    s.apply(record(0, 1, *rows))
    sent = s.drain()
    assert columns(sent, "sku", "base_qty", "unit_price") == [
        ("21:12345", 1250, 300_000),
        ("21:12345", 1600, 300_000),
        ("21:12345", 800, 300_000),
        ("SALT", 400, 62_500),
    ]
    assert not any(q & (Quality.UNIT_UNKNOWN | Quality.UNIT_GUESSED) for (q,) in columns(sent, "quality"))
    assert sorted(sku.unit for seen in sightings(sent) for sku in seen.skus) == ["kg", "个", "袋"]


def test_layouts_that_come_later_apply_to_the_next_lines() -> None:
    known = registry()
    s = stage(known)
    s.apply(record(0, 1, {"sku": "2112345012500", "unit": "个"}))
    s.drain()
    known.apply(encode(LABELS))
    s.apply(record(1, 2, {"sku": "2112345012500", "unit": "个"}))
    assert columns(s.drain(), "sku") == [("21:12345",)]


def test_the_brand_is_the_lines_own_or_else_the_articles() -> None:
    s = stage(registry())
    rows = [{"sku": "A", "name": "老牌苹果", "unit": "kg"}, {"sku": "B", "name": "苹果", "unit": "kg"}]
    s.apply(record(0, 1, *rows))
    assert columns(s.drain(), "brand") == [("老牌",), ("",)]
    s.apply(record(1, 2, *rows, {**rows[0], "brand": "新牌"}, {**rows[0], "brand": ""}))
    assert columns(s.drain(), "brand") == [("老牌",), ("",), ("新牌",), ("老牌",)]


def marked(sent: list[Outgoing]) -> list[bool]:
    return [bool(q & Quality.NEW_SKU) for (q,) in columns(sent, "quality")]


def test_the_first_line_of_an_article_in_each_shop_is_marked_also_after_a_crash() -> None:
    known = registry(("T-1", "T-2"))
    s = stage(known)
    s.apply(record(0, 1, {"kind": "stock", "amount": 0}, {}, {"sku": "PORK", "unit": "kg"}))
    s.apply(record(1, 2, {}))
    assert marked(s.drain()) == [True, False, True, False]
    s.apply(record(0, 1, {}, {}, terminal="T-2"))
    assert marked(s.drain()) == [True, False]
    heir = stage(known)
    for key, block in s.dirty().items():
        heir.restore(key, block)
    heir.apply(record(2, 3, {}, {"sku": "PORK", "unit": "kg"}, {"sku": "OIL", "unit": "桶"}))
    assert marked(heir.drain()) == [False, False, True]


def test_a_restored_article_is_described_when_its_first_line_comes() -> None:
    known = registry()
    s = stage(known)
    s.apply(record(0, 1, {"sku": "A", "name": "苹果", "unit": "kg"}, {"sku": "B", "name": "苹果", "unit": "kg"}))
    s.drain()
    chain = CountingChain(known)
    heir = stage(known, chain.describe)
    for key, block in s.dirty().items():
        heir.restore(key, block)
    assert chain.asked == []
    heir.apply(record(1, 2, {"sku": "A", "name": "大白菜", "unit": "kg"}))
    assert columns(heir.drain(), "code") == [("0801",)]
    assert [[sight.sku for sight in call] for call in chain.asked] == [["A"]]


def test_a_corrected_content_is_no_change_of_the_price() -> None:
    known = registry()
    s = stage(known)
    s.apply(record(0, 1, {"amount": 250}))
    s.drain()
    known.apply(encode(MappingRecord("E-1", [Mapping("SALT", "1001", "袋", 8000)])))
    s.apply(record(1, 2, {"amount": 250}))
    sent = s.drain()
    assert columns(sent, "base_qty", "quality") == [(8000, 0)]
    (cell,) = cells(sent).to_pylist()
    assert (cell["relatives"], cell["log_relative"]) == (1, pytest.approx(0.0, abs=1e-4))


def test_a_quantity_that_no_integer_holds_is_a_mistake_of_unit_not_an_overflow() -> None:
    known = registry()
    known.apply(encode(MappingRecord("E-1", [Mapping("HUGE", "0301", "袋", 10**12)])))
    s = stage(known)
    s.apply(record(0, 1, {"sku": "HUGE", "qty": 1 << 40}, {"sku": "HUGE", "qty": 1000}, {}))
    huge, large, salt = clean(s.drain()).to_pylist()
    assert (huge["base_qty"], huge["unit_price"]) == (0, 0)
    assert huge["quality"] & Quality.UNIT_UNKNOWN
    assert (large["base_qty"], salt["base_qty"]) == (10**12, 400)


def test_more_new_articles_than_a_message_holds_are_sent_in_several() -> None:
    s = stage(registry())
    s.apply(record(0, 1, *({"sku": f"A{i}"} for i in range(1_100))))
    seen: list[SkuRecord] = [sku for message in sightings(s.drain()) for sku in message.skus]
    assert [sku.sku for sku in seen] == [f"A{i}" for i in range(1_100)]


def test_articles_beyond_the_bound_keep_their_names_and_are_unclassified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.normalize.catalogue.MAX_ROWS", 2)
    known = registry()
    s = stage(known)
    rows = [{"sku": sku, "unit": unit, "name": "苹果"} for sku in ("A", "B") for unit in ("kg", "袋")]
    s.apply(record(0, 1, *rows))
    known.apply(encode(LABELS))
    s.apply(record(1, 2, {"sku": "2112345012500", "unit": "个"}, {"sku": "C", "name": "苹果"}))
    assert columns(s.drain(), "sku", "unit", "code") == [
        ("A", "kg", "0901"),
        ("A", "袋", "99"),
        ("B", "kg", "99"),
        ("B", "袋", "99"),
        ("21:12345", "个", "99"),
        ("C", "袋", "99"),
    ]
