"""Alerts in plain words, one line each, for a terminal."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from streams.records import Alert, Kind

CHINA: Final = timezone(timedelta(hours=8))
KINDS: Final[dict[Kind, str]] = {"panic_buying": "panic buying 抢购", "price_spike": "price spike 涨价"}
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
    state = alert.state if alert.revision <= 1 else f"{alert.state}, revision {alert.revision}"
    return (
        f"{china_time(alert.updated)}  level {alert.level:<3}  {what(alert)}; {alert.ratio:.1f} times the usual in "
        f"{_count(len(alert.counties), 'county', 'counties')}, {_count(alert.terminals, 'shop', 'shops')}, "
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


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
