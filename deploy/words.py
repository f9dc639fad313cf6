"""Alerts in plain words, one line each, for a terminal."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from detectors.rulebook import Rulebook
from detectors.rulebook_explain import Answer, Explanation, lowered
from streams.records import Alert, Kind

CHINA: Final = timezone(timedelta(hours=8))
KINDS: Final[dict[Kind, str]] = {
    "panic_buying": "panic buying 抢购",
    "demand_surge": "demand surge 销量激增",
    "demand_drop": "demand drop 销量骤降",
    "price_spike": "price spike 涨价",
    "price_drop": "price drop 跌价",
    "stock_out": "stock-out 脱销",
    "glut": "glut 滞销",
    "supply_interruption": "supply interruption 供应中断",
}
NEVER_DAYS: Final = 36_525.0
"""A recurrence beyond a century is not worth its digits."""


def china_time(ms: int) -> str:
    """ms UTC as date and time in China."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def rfc3339(ms: int) -> str:
    """ms UTC in RFC 3339, in China's time."""
    return datetime.fromtimestamp(ms / 1000, CHINA).isoformat(timespec="seconds")


def rarity(days: float) -> str:
    """How often chance alone would do this."""
    if days >= NEVER_DAYS:
        return "by chance less than once in a century"
    return f"by chance once in {days:,.0f} days" if days >= 1 else "by chance more than once a day"


def alert_line(alert: Alert) -> str:
    """What, where, how much, since when, how many say so, how rare, and the state, in one line."""
    state = f"merged into {alert.merged_into}" if alert.merged_into else alert.state
    state = state if alert.revision <= 1 else f"{state}, revision {alert.revision}"
    known = alert.evidence.chains if alert.evidence else 0
    chains = f" of {_count(known, 'chain', 'chains')}" if known else ""
    times = f"{alert.ratio:.1f} times the usual in " if alert.ratio > 0.0 else ""
    return (
        f"{china_time(alert.updated)}  level {alert.level:<3}  {what(alert)}; {times}"
        f"{_count(len(alert.counties), 'county', 'counties')}, {_count(alert.terminals, 'shop', 'shops')}{chains}, "
        f"since {china_time(alert.onset)}; {rarity(alert.recurrence_days)} ({state})"
    )


def raised_line(alert: Alert) -> str:
    """An alert looked back on: when it was raised, when it had begun, and the highest level that it reached."""
    return (
        f"{china_time(alert.detected)}  level {alert.peak_level:<3}  {what(alert)}; since {china_time(alert.onset)}; "
        f"{rarity(alert.recurrence_days)}"
    )


def what(alert: Alert) -> str:
    """Kind, commodity and region in both languages."""
    commodity = f"{alert.commodity_name.en} {alert.commodity_name.zh}"
    return f"{KINDS[alert.kind]}: {commodity}, {alert.region_name.en} {alert.region_name.zh}"


def explanation_lines(alert: Alert, books: Sequence[Explanation], silent: Sequence[Rulebook] = ()) -> Iterator[str]:
    """Why an alert has its level, clause by clause: what was measured, operator, threshold, true or false, source.

    ``silent`` are the books that hold there and of which no clause held.
    """
    yield f"{alert.alert_id}, revision {alert.revision}: level {alert.level} 级"
    yield f"  {what(alert)}; {rarity(alert.recurrence_days)}"
    yield f"  by clause 依据条款 {alert.clause} of {alert.rulebook}"
    if lowered(alert):
        yield (
            f"  The rules give level {alert.rulings[0].level}. The budget of false alerts asks for more rarity at that "
            "level than chance leaves here. 按条款应为更高级别，因误报预算所限，按现级别发布。"
        )
    if not books:
        yield "  No rulebook's answer is in this alert: it is of an older version. 此预警未附条款依据。"
    for said in books:
        yield ""
        yield f"{said.ruling.rulebook}: {said.book.title.en} {said.book.title.zh}: level {said.ruling.level}"
        if said.other_version():
            yield f"  graded by {said.other_version()}; the clauses below are those of {said.book.label} 条款版本不同"
        for answer in said.answers:
            yield from _answer_lines(answer)
    if silent:
        yield ""
    for book in silent:
        yield f"{book.label}: {book.title.en} {book.title.zh}: no clause holds 无条款符合"


def _answer_lines(answer: Answer) -> Iterator[str]:
    clause = answer.clause
    where = f" ({' '.join(answer.where)})" if answer.where else ""
    yield f"  {_truth(answer.holds)} level {clause.level} {clause.id}: {clause.text.en} {clause.text.zh}{where}"
    for test in answer.tests:
        yield f"      {'  ' * test.depth}{_truth(test.holds)} {test.text.en} | {test.text.zh}"
    yield f"      source 来源: {answer.source.zh}" + (
        f", {answer.source.en}" if answer.source.en != answer.source.zh else ""
    )


def _truth(holds: bool) -> str:
    return "yes 是" if holds else "no  否"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
