"""Steps of a wrong unit, promotions that nobody told, articles that return: marked, and kept out of relatives."""

import math
import random
from typing import Any

import msgspec
import pytest

from agents.normalize.stage import NormalizeStage
from agents.stage import Incoming, Outgoing
from streams.columns import Quality
from streams.records import Mapping, MappingRecord, encode
from tests.agents.till import NOW, cells, clean, home, record, registry, stage

DAY = 86_400_000
MARKS = Quality.OUTLIER | Quality.UNIT_MISTAKE | Quality.PROMO_INFERRED | Quality.RETURNING


class Shop:
    """One shop that sends an envelope of salt at a time; the usual price is 250."""

    def __init__(self) -> None:
        self.stage, self.seq = stage(), 0
        self.send(0.0, 250)

    def send(self, days: float, *amounts: int, **changes: Any) -> tuple[list[Quality], dict[str, Any]]:
        """An envelope of single lines at that time: the marks of each line, the sums of all cells."""
        self.seq += 1
        at = NOW + int(days * DAY)
        rows = [{"amount": a, "ts": at, **changes} for a in amounts]
        self.stage.apply(record(self.seq, self.seq, *rows, sent_at=at, timestamp=at))
        sent = self.stage.drain()
        sums = ("relatives", "log_relative", "held", "log_held", "held_new", "terminals")
        marks = [Quality(q) & MARKS for q in clean(sent)["quality"].to_pylist()]
        return marks, {name: sum(cells(sent)[name].to_pylist()) for name in sums}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(("amount", "sign"), [(500, 1), (515, 1), (125, -1)])
def test_twice_or_half_the_usual_price_is_held_as_a_mistake_of_unit(shop: Shop, amount: int, sign: int) -> None:
    marks, sums = shop.send(1, amount, amount)
    assert marks == [Quality.UNIT_MISTAKE] * 2
    assert (sums["relatives"], sums["held"], sums["held_new"]) == (0, 2, 1)
    assert sums["log_held"] == pytest.approx(2 * math.log(amount / 250))
    assert math.copysign(1, sums["log_held"]) == sign


@pytest.mark.parametrize("factor", [10, 500, 1000, 1 / 10, 1 / 125])
def test_steps_of_ten_and_more_are_marked_and_kept_out(shop: Shop, factor: float) -> None:
    marks, sums = shop.send(1, round(250 * factor))
    step = factor != 1 / 125
    assert marks == [Quality.OUTLIER | (Quality.UNIT_MISTAKE if step else Quality(0))]
    assert (sums["relatives"], sums["held"]) == (0, 0)


@pytest.mark.parametrize("amount", [400, 600, 1250, 220])
def test_other_changes_are_relatives(shop: Shop, amount: int) -> None:
    marks, sums = shop.send(1, amount)
    assert (marks, sums["relatives"], sums["held"]) == ([Quality(0)], 1, 0)
    assert sums["log_relative"] == pytest.approx(math.log(amount / 250))


def test_a_promotion_that_nobody_told_raises_no_relative_while_it_lasts_or_when_it_ends(shop: Shop) -> None:
    for day in range(1, 8):
        marks, sums = shop.send(day, 200, 203)
        assert marks == [Quality.PROMO_INFERRED] * 2
        assert (sums["relatives"], sums["held_new"]) == (0, int(day == 1))
    marks, sums = shop.send(8, 250)
    assert (marks, sums["relatives"]) == ([Quality(0)], 1)
    assert sums["log_relative"] == pytest.approx(0.0)


def test_a_promotion_that_was_told_is_neither_held_nor_ends_what_is(shop: Shop) -> None:
    shop.send(1, 500)
    marks, sums = shop.send(2, 200, promo=True)
    assert (marks, sums["relatives"], sums["held"]) == ([Quality(0)], 0, 0)
    assert shop.send(3, 500)[1]["held_new"] == 0


def test_what_is_held_teaches_nothing(shop: Shop) -> None:
    for day in range(1, 10):
        shop.send(day, 500)
    assert shop.send(10, 250)[1]["log_relative"] == pytest.approx(0.0)


def test_what_is_held_for_ten_days_becomes_the_usual_price_without_a_relative(shop: Shop) -> None:
    for day in range(1, 12):
        assert shop.send(day, 500)[0] == [Quality.UNIT_MISTAKE]
    marks, sums = shop.send(11.1, 500)
    assert (marks, sums["relatives"], sums["held"]) == ([Quality(0)], 0, 0)
    marks, sums = shop.send(12, 500)
    assert (sums["relatives"], sums["log_relative"]) == (1, pytest.approx(0.0))


def test_a_held_price_that_wavers_at_the_edge_stays_held(shop: Shop) -> None:
    shop.send(1, 510)
    assert shop.send(1.1, 560)[1]["held"] == 1
    assert shop.send(1.2, 450)[1]["held"] == 1
    assert Shop().send(1, 560)[1]["held"] == 0


def test_an_article_that_comes_at_two_prices_in_turn_is_newly_held_once_a_day(shop: Shop) -> None:
    new = [shop.send(1 + hour / 24, 500 if hour % 2 else 250)[1]["held_new"] for hour in range(20)]
    assert sum(new) == 1
    new = [shop.send(2 + hour / 24, 500, 250)[1]["held_new"] for hour in range(20)]
    assert sum(new) == 0


def test_an_article_that_was_not_priced_for_a_month_returns_and_is_not_compared(shop: Shop) -> None:
    marks, sums = shop.send(31, 400, 400)
    assert (marks, sums["relatives"]) == ([Quality.RETURNING] * 2, 0)
    marks, sums = shop.send(32, 400)
    assert (marks, sums["log_relative"]) == ([Quality(0)], pytest.approx(0.0))


def test_lines_held_up_down_and_not_are_rows_of_their_own_of_one_envelope(shop: Shop) -> None:
    shop.stage.apply(record(99, 99, *[{"amount": a, "ts": NOW} for a in (500, 125, 250, 190)]))
    sent = cells(shop.stage.drain()).to_pylist()
    assert [(c["terminals"], c["lines"], c["relatives"], c["held"]) for c in sent] == [
        (1, 1, 1, 0),
        (0, 1, 0, 1),
        (0, 2, 0, 2),
    ]
    assert [c["log_held"] for c in sent] == pytest.approx([0.0, math.log(2), math.log(0.5 * 0.76)])


def test_what_is_held_survives_a_restart(shop: Shop) -> None:
    shop.send(1, 500)
    ((key, block),) = shop.stage.dirty().items()
    shop.stage = stage()
    shop.stage.restore(key, block)
    assert shop.send(2.5, 500)[1]["held_new"] == 0
    assert shop.send(11.5, 500)[1]["held"] == 0


def test_a_block_from_before_anything_was_held_is_read(shop: Shop) -> None:
    ((key, block),) = shop.stage.dirty().items()
    old = msgspec.msgpack.decode(block)
    assert old[0] == 3
    shop.stage = stage()
    shop.stage.restore(key, msgspec.msgpack.encode([2, *old[1:10]]))
    assert shop.send(1, 400)[1]["log_relative"] == pytest.approx(math.log(1.6))
    assert shop.send(2, 400)[1]["held"] == 0


NAMES = [n for n in (f"T-{i}" for i in range(60)) if home(n) in (0, 1)][:5]


ENVELOPES = 400


def market() -> NormalizeStage:
    known = registry(NAMES)
    known.apply(encode(MappingRecord("E-1", [Mapping(f"S{i}", "0301", "kg") for i in range(400)])))
    return stage(known)


def feed(seed: int) -> list[Incoming]:
    """Months of prices with steps, falls, promotions and pauses, and new articles all the time, some in wrong units."""
    rng = random.Random(seed)
    usual = [rng.uniform(2_000, 4_000) for _ in range(400)]
    seqs = dict.fromkeys(NAMES, 0)
    out = []
    for i in range(ENVELOPES):
        name = rng.choice(NAMES)
        seqs[name] += 1
        at = NOW + i * 7 * 3_600_000
        rows = []
        for _ in range(rng.randrange(1, 5)):
            sku = rng.randrange(min(20 + i // 2, 400))
            factor = rng.choice([1.0] * 12 + [1.05, 1.3, 0.8, 0.8, 0.5, 2.0, 2.0, 10.0, 1000.0])
            amount = max(round(usual[sku] * factor), 1)
            rows.append({"sku": f"S{sku}", "unit": "kg", "amount": amount, "ts": at, "promo": rng.random() < 0.1})
        out.append(record(i, seqs[name], *rows, terminal=name, sent_at=at, timestamp=at))
    return out


def sent(records: list[Incoming], drain_after: set[int]) -> list[Outgoing]:
    s, out = market(), list[Outgoing]()
    for i, one in enumerate(records):
        s.apply(one)
        if i in drain_after:
            out += s.drain()
            s.dirty()
    return out + s.drain()


def sorted_rows(table: Any) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda r: [r.get(k, 0) for k in ("raw_partition", "raw_offset", "line")])


@pytest.mark.parametrize("seed", range(2))
def test_marks_and_relatives_do_not_depend_on_how_envelopes_are_batched(seed: int) -> None:
    records = feed(seed)
    singly = sent(records, set(range(ENVELOPES)))
    marks = clean(singly)["quality"].to_pylist()
    for mark in (Quality.UNIT_MISTAKE, Quality.PROMO_INFERRED, Quality.RETURNING, Quality.OUTLIER):
        assert any(q & mark for q in marks)
    assert any(q & Quality.NEW_SKU and q & Quality.UNIT_MISTAKE for q in marks)
    for drains in ({80, 90, 300}, set(random.Random(seed).sample(range(ENVELOPES), 40)), set()):
        together = sent(records, drains)
        assert sorted_rows(clean(together)) == sorted_rows(clean(singly))
        assert sorted_rows(cells(together)) == sorted_rows(cells(singly))
