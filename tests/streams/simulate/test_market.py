"""The simulator against its own truth: rates, prices, times, and what an event changes and leaves alone."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from streams.codec import decode, encode_arrow
from streams.envelope import ARROW, LINE_SCHEMA, MAX_LINES, Header
from streams.simulate import Gouge, Launch, Rush, Simulator
from streams.simulate.day import day_of, make_day
from streams.topics import DAY_MS
from streams.world import World, make_world
from tests.streams.simulate.moments import MINUTE, array, at

COUNTY = "330603"
NEXT = "330604"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(7)


@pytest.fixture(scope="module")
def week(world: World) -> pa.Table:
    return Simulator(world, 1).advance(at(), at(days=7))


def mask_of(world: World, table: pa.Table, *, county: str = "", code: str = "") -> npt.NDArray[np.bool_]:
    """Sales and returns of a county and commodity."""
    codes = {
        (world.enterprises[e], s): c
        for e, s, c in zip(
            world.skus.enterprise.tolist(), world.skus.sku.tolist(), world.skus.code.tolist(), strict=True
        )
    }
    shop = array(table, "shop")
    enterprise = [world.enterprises[e] for e in world.shops.enterprise[shop].tolist()]
    of_line = np.array([codes[key] for key in zip(enterprise, array(table, "sku").tolist(), strict=True)])
    sold = np.isin(array(table, "kind"), ["sale", "return"])
    place = np.char.startswith(world.shops.county[shop], county)
    return sold & place & np.char.startswith(of_line, code)


def test_the_same_seed_gives_the_same_lines_and_another_one_others(world: World) -> None:
    first = Simulator(world, 1).advance(at(hour=9), at(hour=11))
    assert first.equals(Simulator(world, 1).advance(at(hour=9), at(hour=11)))
    assert not first.equals(Simulator(world, 2).advance(at(hour=9), at(hour=11)))


def test_how_time_is_cut_into_intervals_changes_nothing(world: World) -> None:
    events = (Rush(at(hour=10, minute=7), COUNTY), Gouge("chain-03", at(hour=10, minute=31)))
    whole = Simulator(world, 1, events).advance(at(hour=7), at(hour=12))
    cut = Simulator(world, 1, events)
    ends = [at(hour=7), at(hour=9, minute=3), at(hour=9, minute=4), at(hour=10, minute=30), at(hour=12)]
    parts = pa.concat_tables([cut.advance(a, b) for a, b in pairwise(ends)])
    again = parts.sort_by([("shop", "ascending"), ("ts", "ascending")])
    for name in ("shop", "ts", "qty", "amount"):
        np.testing.assert_array_equal(array(again, name), array(whole, name))


def test_no_line_lies_outside_its_interval_and_lines_are_in_order(world: World) -> None:
    start, end = at(hour=9, minute=2.5), at(hour=11, minute=13.1)
    table = Simulator(world, 1).advance(start, end)
    ts, shop = array(table, "ts"), array(table, "shop")
    assert table.num_rows > 1000
    assert ts.min() >= start
    assert ts.max() < end
    assert (np.diff(shop) >= 0).all()
    assert (np.diff(ts)[np.diff(shop) == 0] >= 0).all()


def test_an_interval_without_time_has_no_lines(world: World) -> None:
    assert Simulator(world, 1).advance(at(hour=10), at(hour=10)).num_rows == 0


def test_shops_are_closed_at_night(week: pa.Table) -> None:
    hour = (array(week, "ts") - at()) % DAY_MS / (60 * MINUTE)
    sold = np.isin(array(week, "kind"), ["sale", "return"])
    assert hour[sold].min() >= 8
    assert hour[sold].max() < 22
    per_hour = np.bincount(hour[sold].astype(int), minlength=24)
    assert per_hour[18] > 1.8 * per_hour[14]
    assert per_hour[10] > 1.8 * per_hour[14]


def test_the_number_of_lines_is_that_of_the_expected_rates(world: World, week: pa.Table) -> None:
    simulator = Simulator(world, 1)
    expected = np.sum([simulator.expected_lines(day_of(at(days=d))) for d in range(7)], axis=0)
    sold = np.isin(array(week, "kind"), ["sale", "return"])
    by_shop = np.bincount(array(week, "shop")[sold], minlength=240)
    of_shop = np.bincount(world.shelves.shop, weights=expected, minlength=240)
    z = (by_shop - of_shop) / np.sqrt(of_shop)
    assert np.abs(z).max() < 5
    assert abs(by_shop.sum() - of_shop.sum()) < 4 * np.sqrt(of_shop.sum())
    salt = world.skus.code[world.shelves.sku] == "1001"
    assert abs(mask_of(world, week, code="1001").sum() - expected[salt].sum()) < 4 * np.sqrt(expected[salt].sum())


def test_weekends_sell_a_quarter_more(world: World) -> None:
    simulator = Simulator(world, 1)
    days = [simulator.expected_lines(day_of(at(days=d))).sum() for d in range(7)]
    assert np.mean(days[5:]) / np.mean(days[:5]) == pytest.approx(1.25, rel=0.05)


def test_a_customer_pays_the_price_of_the_shelf_to_the_fen(world: World) -> None:
    day = Simulator(world, 1).advance(at(days=1), at(days=2))
    kind, shop, sku = array(day, "kind"), array(day, "shop"), array(day, "sku")
    qty, amount = array(day, "qty"), array(day, "amount")
    tags = {(s, k): a for s, k, a, is_tag in zip(shop, sku, amount, kind == "price", strict=True) if is_tag}
    tagged = [
        (q, a, tags[s, k])
        for s, k, q, a, sale in zip(shop, sku, qty, amount, kind == "sale", strict=True)
        if sale and (s, k) in tags
    ]
    assert len(tagged) > 10_000
    assert all(a == (q * p + 500) // 1000 for q, a, p in tagged)


def test_promotions_cut_the_price_and_are_marked(world: World) -> None:
    simulator = Simulator(world, 1)
    days = [simulator.advance(at(days=d), at(days=d + 1)) for d in range(14)]
    kind, shop, sku, amount, promo = (
        np.concatenate([array(d, name) for d in days]) for name in ("kind", "shop", "sku", "amount", "promo")
    )
    assert 0.02 < promo.mean() < 0.1
    tags: dict[tuple[int, str], dict[bool, list[int]]] = {}
    for s, k, a, p in zip(*(c[kind == "price"] for c in (shop, sku, amount, promo)), strict=True):
        tags.setdefault((int(s), str(k)), {True: [], False: []})[bool(p)].append(int(a))
    ratios = [np.mean(t[True]) / np.mean(t[False]) for t in tags.values() if t[True] and t[False]]
    assert len(ratios) > 100
    assert 0.70 < float(np.median(ratios)) < 0.85


def test_a_promotion_lasts_three_to_seven_days_and_sells_more(world: World) -> None:
    first = day_of(at())
    days = [make_day(world, world.seed, n) for n in range(first, first + 70)]
    promo = np.stack([d.promo for d in days]).astype(np.int64)
    ends = np.diff(promo, axis=0)
    shelves = np.flatnonzero((promo[0] == 0) & (promo[-1] == 0) & (promo.sum(axis=0) > 0))
    lengths = {
        int(stop - start)
        for s in shelves.tolist()
        for start, stop in zip(np.flatnonzero(ends[:, s] == 1), np.flatnonzero(ends[:, s] == -1), strict=True)
    }
    assert lengths == {3, 4, 5, 6, 7}
    tuesdays = [d for n, d in enumerate(days) if n % 7 == 1]
    rate, on = np.stack([d.rate for d in tuesdays]), np.stack([d.promo for d in tuesdays])
    sold = rate.max(axis=0) > 0
    both = sold & on.any(axis=0) & ~on.all(axis=0)
    assert both.sum() > 1000
    np.testing.assert_allclose(rate[:, both].max(axis=0) / rate[:, both].min(axis=0), 1.6)


def test_one_line_in_two_hundred_is_a_return_and_nothing_is_negative(week: pa.Table) -> None:
    kind = array(week, "kind")
    share = (kind == "return").sum() / np.isin(kind, ["sale", "return"]).sum()
    assert share == pytest.approx(0.005, rel=0.1)
    assert array(week, "qty").min() >= 0
    assert array(week, "amount").min() >= 0
    assert array(week, "amount")[kind == "sale"].min() > 0


def test_necessities_report_their_price_at_opening_and_their_stock_at_closing_every_day(
    world: World, week: pa.Table
) -> None:
    kind, hour = array(week, "kind"), (array(week, "ts") - at()) % DAY_MS / (60 * MINUTE)
    necessities = int((world.skus.necessity & world.skus.listed)[world.shelves.sku].sum())
    assert (kind == "price").sum() == (kind == "stock").sum() == 7 * necessities
    assert set(np.floor(hour[kind == "price"]).tolist()) == {8}
    assert set(np.floor(hour[kind == "stock"]).tolist()) == {21, 22}
    stock = array(week, "qty")[kind == "stock"]
    assert (stock > 0).mean() > 0.9
    assert (array(week, "amount")[kind == "stock"] == 0).all()


def test_lines_fit_the_schema_and_pass_the_codec(world: World, week: pa.Table) -> None:
    assert set(week.schema.names) - {"shop"} <= set(LINE_SCHEMA.names)
    own = week.filter(pa.array(array(week, "shop") == 3)).drop_columns(["shop"]).slice(0, MAX_LINES)
    batch = own.combine_chunks().to_batches()[0]
    decoded = decode(encode_arrow(Header(1, "t-1", 1, at(days=7)), batch), ARROW, at(days=7))
    assert decoded.findings == []
    assert decoded.envelope is not None
    assert decoded.envelope.lines.num_rows == own.num_rows > 1000


@pytest.fixture(scope="module")
def calm(world: World) -> pa.Table:
    return Simulator(world, 1).advance(at(hour=8), at(hour=16))


@pytest.fixture(scope="module")
def rushed(world: World) -> pa.Table:
    rush = Rush(at(hour=10), COUNTY, ((NEXT, at(hour=13)),), factor=10.0, ramp_ms=10 * MINUTE)
    return Simulator(world, 1, [rush]).advance(at(hour=8), at(hour=16))


def test_a_rush_multiplies_receipts_and_their_size_in_its_county(
    world: World, calm: pa.Table, rushed: pa.Table
) -> None:
    before, after = (
        t.filter(pa.array(mask_of(world, t, county=COUNTY, code="1001") & (array(t, "ts") >= at(hour=10, minute=10))))
        for t in (calm, rushed)
    )
    assert after.num_rows / before.num_rows == pytest.approx(10, rel=0.4)
    size = array(after, "qty").mean() / array(before, "qty").mean()
    assert size == pytest.approx(2.5, rel=0.35)


def test_a_rush_grows_over_its_ramp(world: World) -> None:
    rush = Rush(at(hour=10), COUNTY, factor=400.0, ramp_ms=60 * MINUTE)
    table = Simulator(world, 1, [rush]).advance(at(hour=10), at(hour=11))
    ts = array(table, "ts")[mask_of(world, table, county=COUNTY, code="1001")]
    quarters = np.bincount((ts - at(hour=10)) // (15 * MINUTE), minlength=4)
    assert (np.diff(quarters) > 0).all()
    assert quarters[3] / quarters[0] == pytest.approx(7, rel=0.35)


def test_a_rush_leaves_other_counties_other_goods_and_the_time_before_as_they_were(
    world: World, calm: pa.Table, rushed: pa.Table
) -> None:
    def untouched(table: pa.Table) -> pa.Table:
        ts = array(table, "ts")
        hit = mask_of(world, table, county=COUNTY, code="1001") & (ts >= at(hour=10))
        hit |= mask_of(world, table, county=NEXT, code="1001") & (ts >= at(hour=13))
        return table.filter(pa.array(~hit))

    was, is_now = untouched(calm), untouched(rushed)
    for name in ("shop", "ts", "kind", "sku", "qty", "amount"):
        np.testing.assert_array_equal(array(was, name), array(is_now, name))


def test_a_rush_reaches_a_further_county_at_its_own_time(world: World, rushed: pa.Table) -> None:
    ts = array(rushed, "ts")[mask_of(world, rushed, county=NEXT, code="1001")]
    before = ((ts >= at(hour=10)) & (ts < at(hour=13))).sum() / 3
    after = (ts >= at(hour=13, minute=10)).sum() / (170 / 60)
    assert after > 5 * before


def test_a_rush_empties_the_shelves_of_its_county_by_the_evening(world: World) -> None:
    table = Simulator(world, 1, [Rush(at(hour=10), COUNTY)]).advance(at(hour=20), at(hour=23))
    salt = np.isin(array(table, "sku"), world.skus.sku[world.skus.code == "1001"])
    stock = (array(table, "kind") == "stock") & salt
    here = world.shops.county[array(table, "shop")] == COUNTY
    qty = array(table, "qty")
    assert (stock & here).sum() >= 15
    assert (qty[stock & here] == 0).all()
    assert (qty[stock & ~here] > 0).mean() > 0.9


def test_a_gouging_chain_doubles_its_price_from_the_onset_on_and_no_other_does(world: World) -> None:
    onset = at(hour=12)
    plain = Simulator(world, 1).advance(at(hour=8), at(hour=16))
    dear = Simulator(world, 1, [Gouge("chain-03", onset)]).advance(at(hour=8), at(hour=16))
    np.testing.assert_array_equal(array(plain, "qty"), array(dear, "qty"))
    own = world.shops.enterprise[array(plain, "shop")] == world.enterprises.index("chain-03")
    hit = own & mask_of(world, plain, code="1001") & (array(plain, "ts") >= onset)
    assert hit.sum() > 20
    np.testing.assert_array_equal(array(dear, "amount")[hit], 2 * array(plain, "amount")[hit])
    np.testing.assert_array_equal(array(dear, "amount")[~hit], array(plain, "amount")[~hit])


def test_novelties_sell_only_after_their_launch_and_only_at_their_chain(world: World) -> None:
    table = Simulator(world, 1, [Launch("chain-02", at(hour=10))]).advance(at(hour=8), at(hour=16))
    novel = set(world.skus.sku[~world.skus.listed].tolist())
    sold = np.isin(array(table, "sku"), list(novel))
    assert sold.sum() > 50
    assert array(table, "ts")[sold].min() >= at(hour=10)
    shops = np.unique(array(table, "shop")[sold])
    assert {world.enterprises[e] for e in world.shops.enterprise[shops].tolist()} == {"chain-02"}
    assert novel.isdisjoint(m.sku for m in world.mappings()["chain-02"])
