"""The board in a real browser: what it shows, in both languages, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

from streams.evidence import Contribution, Evidence, Explanation, Names, Point, Ruling
from streams.records import KINDS, Kind
from tests.gateway.factory import HOUR, NINGBO, ONSET, make_event
from tests.gateway.screen import Open, board, row

ENGLISH: dict[Kind, str] = {
    "panic_buying": "panic buying",
    "demand_surge": "demand surge",
    "demand_drop": "demand drop",
    "price_spike": "price spike",
    "price_drop": "price drop",
    "stock_out": "stock-out",
    "glut": "glut",
    "supply_interruption": "supply interruption",
}


def test_an_alert_that_is_pushed_appears_with_its_level_in_colour_numeral_and_word(visit: Open) -> None:
    with board(visit) as (gateway, page):
        expect(page.locator("#quiet")).to_contain_text("All is quiet")
        expect(page.locator("#quiet")).to_contain_text("Watching since")
        gateway.publish(make_event("salt", level="II"))
        salt = row(page, "salt")
        expect(salt).to_contain_text("Table salt: panic buying")
        expect(salt).to_contain_text("Zhejiang")
        expect(salt).to_contain_text("3 counties")
        expect(salt).to_contain_text("by chance: once in 4 years")
        expect(salt).to_contain_text("12.3× normal")
        expect(salt.locator(".level")).to_have_text("IISevere")
        expect(salt.locator(".level")).to_have_css("background-color", "rgb(255, 138, 31)")
        expect(page.locator(".count.level-II .count-number")).to_have_text("1")
        expect(page.locator('.tile[data-code="33"]')).to_have_class(re.compile(r"\blevel-II\b"))
        expect(page.locator("#live")).to_have_text(
            re.compile("New: Level II Severe, Table salt: panic buying, .*Zhejiang")
        )
        expect(page.locator("#quiet")).to_be_hidden()
        assert page.title() == "(1) Level II · infopump 信息泵"


def test_a_rise_of_level_moves_the_alert_up_and_is_marked(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("first", level="III"), make_event("second", level="IV"))
        expect(page.locator(".row").first).to_have_attribute("data-id", "first")
        gateway.publish(make_event("second", 2, level="I"))
        expect(page.locator(".row").first).to_have_attribute("data-id", "second")
        expect(row(page, "second").locator(".tag-raised")).to_have_text("Raised")
        gateway.publish(make_event("second", 3, level="I", state="expired"))
        expect(page.locator(".row").last).to_have_attribute("data-id", "second")
        expect(row(page, "second")).to_have_class(re.compile(r"\bended\b"))


def test_ended_alerts_are_still_there_after_a_reload(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("over", state="closed"))
        expect(row(page, "over")).to_be_visible()
        page.reload()
        expect(row(page, "over")).to_contain_text("closed")
        expect(page.locator("#quiet")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "lang", "title"),
    [
        ("zh-CN", "zh-CN", "一切平稳"),
        ("zh-TW", "zh-CN", "一切平稳"),
        ("en-US", "en-GB", "All is quiet"),
        ("fr-FR", "en-GB", "All is quiet"),
    ],
)
def test_the_browsers_language_is_the_first_choice(visit: Open, locale: str, lang: str, title: str) -> None:
    with board(visit, locale=locale) as (_, page):
        expect(page.locator("html")).to_have_attribute("lang", lang)
        expect(page.locator(".quiet-title")).to_have_text(title)


def test_the_language_is_switched_by_button_or_key_and_remembered(visit: Open) -> None:
    with board(visit, locale="zh-CN") as (gateway, page):
        gateway.publish(make_event("salt"))
        expect(row(page, "salt")).to_contain_text("食盐 · 抢购")
        page.get_by_role("button", name="English").click()
        expect(row(page, "salt")).to_contain_text("Table salt: panic buying")
        page.keyboard.press("l")
        expect(row(page, "salt")).to_contain_text("食盐 · 抢购")
        page.keyboard.press("L")
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "en-GB")
        expect(row(page, "salt")).to_contain_text("Table salt: panic buying")


def test_times_are_beijings_unless_the_viewer_chooses_otherwise(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt"))
        expect(row(page, "salt")).to_contain_text("16 Mar 2011, 16:00")
        expect(page.locator("#zone")).to_have_text("Beijing time UTC+8")
        page.keyboard.press("t")
        expect(row(page, "salt")).to_contain_text("16 Mar 2011, 04:00")
        expect(page.locator("#zone")).to_have_text(re.compile(r"Local time UTC−[45]"))


def test_the_keyboard_alone_leads_from_the_list_to_the_details_and_back(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(*(make_event(f"a{n}", level=level) for n, level in enumerate(("I", "II", "III"))))
        expect(page.locator(".row")).to_have_count(3)
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowDown")
        expect(row(page, "a0")).to_be_focused()
        page.keyboard.press("j")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(row(page, "a2")).to_be_focused()
        page.keyboard.press("k")
        expect(row(page, "a1")).to_be_focused()
        assert row(page, "a1").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(row(page, "a1")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#detail-body")).to_be_focused()
        expect(page.locator("#detail-lead")).to_contain_text("Level II Severe")
        page.keyboard.press("Escape")
        expect(row(page, "a1")).to_be_focused()
        expect(row(page, "a1")).to_have_attribute("aria-pressed", "false")


def test_race_the_focus_stays_on_its_alert_when_the_order_changes(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("a", level="III"), make_event("b", level="IV"))
        expect(page.locator(".row")).to_have_count(2)
        row(page, "b").focus()
        gateway.publish(make_event("b", 2, level="I"), make_event("c", level="II"))
        expect(page.locator(".row")).to_have_count(3)
        expect(page.locator(".row").first).to_have_attribute("data-id", "b")
        expect(row(page, "b")).to_be_focused()


def test_the_details_state_the_evidence_and_the_history(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(
            make_event("salt", 1, level="IV", counties=NINGBO[:1], ratio=4.0), make_event("salt", 2, level="III")
        )
        row(page, "salt").click()
        detail = page.locator("#detail")
        for text in (
            "9,840 kg a day",
            "800 kg a day",
            "41 shops",
            "once in 4 years",
            "IV-area · order-2011-4",
            "Counties hit (3)",
        ):
            expect(detail).to_contain_text(text)
        expect(detail.locator("tbody tr").first).to_contain_text("12.3 ×")
        expect(detail.locator(".history li")).to_have_count(2)
        expect(detail.locator(".history li").last).to_contain_text("Revision 1")
        gateway.publish(make_event("salt", 3, level="II"))
        expect(detail.locator(".history li")).to_have_count(3)
        expect(detail.locator(".history li").first).to_contain_text("II")


def test_a_price_alert_is_measured_in_prices(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(
            make_event("pork", kind="price_spike", commodity="0301", observed=1.62, expected=1.0, ratio=1.62)
        )
        expect(page.locator("#detail-body")).to_contain_text("1.62 × the usual price")


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0.5, "daily"),
        (42.4, "once in 42 days"),
        (200.0, "once in 7 months"),
        (1_461.0, "once in 4 years"),
        (36_525.0, "not in a hundred years"),
    ],
)
def test_rarity_is_said_in_words(visit: Open, days: float, words: str) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt", recurrence_days=days))
        expect(row(page, "salt")).to_contain_text(f"by chance: {words}")


EVIDENCE = Evidence(
    low=500.0,
    high=1_150.0,
    series=[Point(ONSET, 800.0, 790.0), Point(ONSET + HOUR, 9_840.0, 800.0)],
    chains=6,
    commodities=[Contribution("1001", 0.62, 12.3, Names("食盐", "Table salt"))],
    price_ratio=1.02,
    stock_ratio=0.31,
    run=5,
    otherwise=[Explanation("promotion", False, Names("价格为平常的 1.02 倍", "the price is 1.02 times the usual"))],
)


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        (
            "en-GB",
            (
                "500 kg a day – 1,150 kg a day",
                "41 shops · 6 chains",
                "price 1.02 × the usual · stock 0.31 × the usual · the price rose 5 days in a row",
                "2 periods; in the last one observed 9,840 kg a day, expected 800 kg a day",
                "Table salt62%12.3 ×",
                "Promotion does not explain it: the price is 1.02 times the usual",
                "national 1 · clauses that hold: IV.county, IV.panic",
            ),
        ),
        (
            "zh-CN",
            (
                "500 公斤/天 – 1,150 公斤/天",
                "41 家门店 · 6 家企业",
                "价格为平常的 1.02 倍 · 库存为平常的 0.31 倍 · 价格连涨 5 天",
                "食盐62%12.3 ×",
                "促销 不能解释: 价格为平常的 1.02 倍",
                "national 1 · 符合条款：IV.county, IV.panic",
            ),
        ),
    ],
)
def test_what_stands_behind_an_alert_is_shown_in_both_languages(
    visit: Open, locale: str, texts: tuple[str, ...]
) -> None:
    with board(visit, locale=locale) as (gateway, page):
        rulings = [Ruling("national 1", "IV", "IV.county", ["IV.county", "IV.panic"])]
        gateway.publish(make_event("salt", evidence=EVIDENCE, rulings=rulings, absorbed=["other-1"]))
        row(page, "salt").click()
        detail = page.locator("#detail")
        for text in (*texts, "other-1"):
            expect(detail).to_contain_text(text)
        expect(detail.locator(".course polyline")).to_have_count(2)


def test_what_an_alert_does_not_carry_is_left_out(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt"))
        row(page, "salt").click()
        expect(page.locator("#detail")).to_contain_text("Counties hit (3)")
        for text in (
            "Usual range",
            "Lately",
            "Goods by contribution",
            "What else",
            "By the rules",
            "null",
            "undefined",
        ):
            expect(page.locator("#detail")).not_to_contain_text(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_alert_has_a_name_in_both_languages(visit: Open, kind: Kind) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("one", kind=kind, commodity="*", commodity_name=Names("全部商品", "All goods")))
        expect(row(page, "one").locator(".title")).to_have_text(f"All goods: {ENGLISH[kind]}New")
        page.keyboard.press("l")
        expect(row(page, "one").locator(".title")).not_to_contain_text("undefined")
        expect(row(page, "one").locator(".title")).to_contain_text("全部商品 · ")


def test_where_nothing_was_expected_there_is_no_ratio(visit: Open) -> None:
    with board(visit) as (gateway, page):
        gateway.publish(make_event("salt", expected=0.0, ratio=0.0))
        expect(row(page, "salt").locator(".ratio b")).to_have_text("—")


def test_what_a_message_says_never_becomes_markup(visit: Open) -> None:
    with board(visit) as (gateway, page):
        evil = '<img src=x onerror="document.title=1">'
        names = Names(evil, evil)
        gateway.publish(make_event("evil", commodity_name=names, region_name=names, clause=evil))
        expect(row(page, "evil")).to_contain_text(evil)
        expect(page.locator("#detail-body")).to_contain_text(evil)
        assert page.locator("main img").count() == 0
