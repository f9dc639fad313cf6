"""Normalize as a pure stage: identity, units, prices, refusals, watermarks, and state that survives a crash."""

import json
import math
from typing import Any

import pytest
from prometheus_client import REGISTRY

from agents.normalize.bulk import normalise
from agents.normalize.stage import NormalizeStage
from agents.normalize.taken import Taken
from agents.registry import Registry
from agents.stage import Incoming
from streams.columns import WATERMARK, Quality
from streams.envelope import CONTENT_TYPE, JSON
from streams.reasons import Reason
from streams.records import Mapping, MappingRecord, TerminalRecord, encode
from tests.agents.till import (
    NOW,
    PARTITIONS,
    cells,
    clean,
    home,
    metadata,
    record,
    registry,
    rejected,
    stage,
)

DAY = 86_400_000


def normalised(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    s = stage()
    s.apply(record(0, 1, *rows))
    came: list[dict[str, Any]] = clean(s.drain()).to_pylist()
    return came


@pytest.mark.parametrize(
    ("row", "base_qty", "unit_price"),
    [
        ({"sku": "SALT", "unit": "袋", "qty": 2000, "amount": 500}, 800, 62_500),
        ({"sku": "PORK", "unit": "kg", "qty": 1500, "amount": 4500}, 1500, 300_000),
        ({"sku": "PORK", "unit": "斤", "qty": 3000, "amount": 4500}, 1500, 300_000),
        ({"sku": "PORK", "unit": "500g", "qty": 3000, "amount": 4500}, 1500, 300_000),
        ({"sku": "PORK", "unit": "", "qty": 1000, "amount": 3000}, 1000, 300_000),
        ({"sku": "OIL", "unit": "桶", "qty": 1000, "amount": 6000}, 5000, 120_000),
        ({"sku": "PORK", "unit": "斤", "kind": "price", "qty": 0, "amount": 1500}, 0, 300_000),
    ],
)
def test_measures_and_prices_come_to_base_units(row: dict[str, Any], base_qty: int, unit_price: int) -> None:
    (line,) = normalised(row)
    assert (line["base_qty"], line["unit_price"]) == (base_qty, unit_price)


def test_an_unknown_unit_and_an_unknown_sku_are_marked_not_dropped() -> None:
    gallon, stranger = normalised({"sku": "PORK", "unit": "加仑"}, {"sku": "?", "unit": "袋"})
    assert gallon["quality"] & Quality.UNIT_UNKNOWN
    assert (gallon["code"], gallon["base_qty"], gallon["unit_price"]) == ("0301", 0, 0)
    assert stranger["quality"] & Quality.UNCLASSIFIED
    assert (stranger["code"], stranger["method"], stranger["confidence"]) == ("99", "none", 0.0)


def test_a_return_takes_back_what_the_sale_gave() -> None:
    s = stage()
    s.apply(record(0, 1, {"qty": 3000, "amount": 750}, {"kind": "return", "qty": 1000, "amount": 250}))
    sent = s.drain()
    assert sum(clean(sent)["amount"].to_pylist()) == 500
    (cell,) = cells(sent).to_pylist()
    assert (cell["lines"], cell["base_qty"], cell["amount"]) == (0, 800, 500)


def test_a_repeated_seq_is_dropped_and_a_gap_may_be_filled_later() -> None:
    s = stage()
    missing = REGISTRY.get_sample_value("infopump_normalize_missing_envelopes_total") or 0.0
    for offset, seq in enumerate((1, 4, 4, 2, 1, 5)):
        s.apply(record(offset, seq, {}))
    assert clean(s.drain())["seq"].to_pylist() == [1, 4, 2, 5]
    assert REGISTRY.get_sample_value("infopump_normalize_missing_envelopes_total") == missing + 2


def test_the_reason_of_a_refusal_names_field_expectation_and_what_came() -> None:
    s = stage()
    s.apply(record(0, 1, {}, key=b"T-2"))
    s.apply(record(1, 1, {}, terminal="T-9"))
    s.apply(record(2, 1, {}, partition=(home("T-1") + 1) % PARTITIONS))
    s.apply(record(3, 1, {}, value=b"junk"))
    s.apply(record(4, 1, {"qty": 5}, {"qty": -5}))
    refused = rejected(s.drain())
    reasons = {r.raw_offset: r.findings[0] for r in refused}
    assert [reasons[i].reason for i in range(5)] == [
        Reason.KEY_MISMATCH,
        Reason.UNKNOWN_TERMINAL,
        Reason.WRONG_PARTITION,
        Reason.UNREADABLE,
        Reason.NEGATIVE,
    ]
    assert all(f.field and f.expected and f.got for f in reasons.values())
    assert [r.whole for r in sorted(refused, key=lambda r: r.raw_offset)] == [True] * 4 + [False]
    assert next(r for r in refused if r.raw_offset == 3).payload == b"junk"
    assert next(r for r in refused if r.raw_offset == 4).lines[0]["qty"] == -5


def test_rows_that_cannot_be_read_and_lines_that_are_bad_are_refused_in_one_record() -> None:
    rows: list[dict[str, Any]] = [{"line": 0, "qty": 1000}, {"line": 1, "qty": "much"}, {"line": 2, "qty": -1}]
    base = {"ts": NOW, "kind": "sale", "sku": "SALT", "unit": "袋", "amount": 250}
    value = json.dumps(
        {"version": 1, "terminal_id": "T-1", "seq": 1, "sent_at": NOW, "lines": [{**base, **r} for r in rows]}
    ).encode()
    s = stage()
    s.apply(record(0, 1, value=value, headers={CONTENT_TYPE: JSON.encode()}))
    sent = s.drain()
    (refused,) = rejected(sent)
    assert [f.line for f in refused.findings] == [1, 2]
    assert len(refused.lines) == 2
    assert clean(sent).num_rows == 1


def test_a_fault_in_one_envelope_refuses_that_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(envelopes: list[Taken], *rest: Any) -> Any:
        if any(e.seq == 2 for e in envelopes):
            raise RuntimeError("a fault of ours")
        return normalise(envelopes, *rest)

    monkeypatch.setattr("agents.normalize.stage.normalise", faulty)
    s = stage()
    for seq in (1, 2, 3):
        s.apply(record(seq, seq, {}, {}))
    sent = s.drain()
    assert clean(sent)["seq"].to_pylist() == [1, 1, 3, 3]
    (refused,) = rejected(sent)
    assert (refused.seq, refused.findings[0].reason, len(refused.lines)) == (2, Reason.INTERNAL, 2)


def test_a_refused_envelope_may_be_sent_again_with_its_number() -> None:
    s = stage()
    s.apply(record(0, 1, {}, value=b"junk"))
    s.apply(record(1, 1, {}))
    assert clean(s.drain())["seq"].to_pylist() == [1]


def test_a_dearer_price_is_a_relative_but_a_promotion_is_none() -> None:
    s = stage()
    s.apply(record(0, 1, {"amount": 250}))
    s.drain()
    s.apply(record(1, 2, {"amount": 400}, {"amount": 200, "promo": True}, {"sku": "PORK", "unit": "kg"}))
    salt, pork = sorted(cells(s.drain()).to_pylist(), key=lambda c: c["code"], reverse=True)
    assert (salt["relatives"], pork["relatives"]) == (1, 0)
    assert salt["log_relative"] == pytest.approx(math.log(1.6))


def test_the_usual_price_follows_a_lasting_change_by_half_in_ten_days() -> None:
    s = stage()
    s.apply(record(0, 1, {"amount": 250, "ts": NOW - 20 * DAY}))
    s.apply(record(1, 2, {"amount": 400, "ts": NOW - 10 * DAY}))
    s.drain()
    s.apply(record(2, 3, {"amount": 400, "ts": NOW}))
    (cell,) = cells(s.drain()).to_pylist()
    assert cell["log_relative"] == pytest.approx(math.log(1.6) / 2)


def test_an_absurd_price_is_marked_and_teaches_nothing() -> None:
    s = stage()
    s.apply(record(0, 1, {"amount": 250, "ts": NOW - DAY}))
    s.drain()
    s.apply(record(1, 2, {"amount": 25_000}))
    sent = s.drain()
    assert clean(sent)["quality"].to_pylist() == [Quality.OUTLIER]
    assert cells(sent)["relatives"].to_pylist() == [0]
    s.apply(record(2, 3, {"amount": 250}))
    assert cells(s.drain())["log_relative"].to_pylist() == pytest.approx([0.0])


def test_a_new_mapping_takes_effect_in_a_running_stage() -> None:
    known = registry()
    s = stage(known)
    s.apply(record(0, 1, {"sku": "NEW"}))
    before = s.drain()
    known.apply(encode(MappingRecord("E-1", [Mapping("NEW", "1002", "袋", 500)])))
    s.apply(record(1, 2, {"sku": "NEW"}))
    assert clean(before + s.drain())["code"].to_pylist() == ["99", "1002"]


def test_a_terminal_is_looked_for_again_before_it_is_unknown() -> None:
    asked: list[int] = []

    def arrives() -> None:
        asked.append(1)
        known.apply(encode(TerminalRecord("T-1", "E-1", "330602")))

    known = Registry(arrives)
    s = stage(known)
    s.apply(record(0, 1, {}))
    assert asked == [1]
    assert clean(s.drain()).num_rows == 1


def watermark(s: NormalizeStage) -> int:
    return max(int(m[WATERMARK]) for m in metadata(s.drain(), "3306"))


def neighbours() -> tuple[str, str]:
    """Two terminals whose keys live in the same partition."""
    names = [f"T-{i}" for i in range(20)]
    first = names[0]
    return first, next(n for n in names[1:] if home(n) == home(first))


def test_the_watermark_waits_for_every_registered_terminal_but_not_for_an_idle_one() -> None:
    a, b = neighbours()
    s = stage(registry((a, b)), idle_ms=1000)
    s.apply(record(0, 1, {}, terminal=a, sent_at=NOW))
    assert watermark(s) == NOW
    s.apply(record(1, 2, terminal=a, sent_at=NOW + 900))
    assert watermark(s) == NOW
    s.apply(record(2, 1, terminal=b, sent_at=NOW + 500))
    assert watermark(s) == NOW + 500
    s.apply(record(3, 3, terminal=a, sent_at=NOW + 1501))
    assert watermark(s) == NOW + 1501


def test_an_envelope_without_lines_moves_the_watermark() -> None:
    s = stage()
    s.apply(record(0, 1, sent_at=NOW + 5))
    sent = s.drain()
    assert clean(sent).num_rows == 0
    assert [int(m[WATERMARK]) for m in metadata(sent, "3306")] == [NOW + 5]


def feed() -> list[Incoming]:
    a, b = neighbours()
    out = []
    for i in range(40):
        terminal = (a, b)[i % 2]
        row = {"amount": 250 + 10 * (i % 5), "ts": NOW + i * 60_000, "sku": ("SALT", "?", "PORK")[i % 3]}
        out.append(record(i, i // 2 + 1, row, {"qty": -1}, terminal=terminal, sent_at=NOW + i * 60_000))
    return out


@pytest.mark.parametrize("crash", [1, 7, 20, 39])
def test_a_stage_restored_from_its_blocks_goes_on_as_if_nothing_had_happened(crash: int) -> None:
    a, b = neighbours()
    whole, broken = stage(registry((a, b))), stage(registry((a, b)))
    for r in feed():
        whole.apply(r)
    for r in feed()[:crash]:
        broken.apply(r)
    first = broken.drain()
    blocks = broken.dirty()
    heir = stage(registry((a, b)))
    for key, block in blocks.items():
        heir.restore(key, block)
    for r in feed()[max(0, crash - 5) :]:
        heir.apply(r)
    expected, got = whole.drain(), first + heir.drain()
    assert clean(got).to_pylist() == clean(expected).to_pylist()
    assert cells(got).to_pylist() == cells(expected).to_pylist()
    assert heir.dirty().items() >= {k: v for k, v in whole.dirty().items() if k in heir.dirty()}.items()


def test_what_was_sent_before_a_crash_without_its_state_is_sent_again_alike() -> None:
    a, b = neighbours()
    one, two = stage(registry((a, b))), stage(registry((a, b)))
    for r in feed():
        one.apply(r)
    first = one.drain()
    for r in feed():
        two.apply(r)
    assert [(o.topic, o.key, o.partition, o.value) for o in two.drain()] == [
        (o.topic, o.key, o.partition, o.value) for o in first
    ]
