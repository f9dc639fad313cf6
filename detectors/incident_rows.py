"""One row an alert, looked back on: what it was when it was raised, and what it grew to."""

from collections.abc import Iterable
from typing import NamedTuple

from detectors.incident_relation import ALL
from detectors.spread import FLAT
from streams.records import Alert, Kind, Level
from streams.regions import NATION


class Row(NamedTuple):
    """The columns of the backtest's ALERTS. Times are ms UTC.

    ``detected``, ``onset``, ``region``, ``commodity`` and ``kind`` are those of the first revision: they never change
    afterwards. ``level``, ``score`` and ``recurrence_days`` are the gravest, largest and rarest of all revisions,
    ``regions`` and ``commodities`` what ever was hit.
    """

    alert_id: str
    detected: int
    onset: int
    region: str
    commodity: str
    kind: Kind
    level: Level
    score: float
    recurrence_days: float
    regions: tuple[str, ...]
    commodities: tuple[str, ...]


def rows(revisions: Iterable[Alert]) -> list[Row]:
    """The rows of all alerts, in the order in which they were first raised."""
    of: dict[str, list[Alert]] = {}
    for alert in revisions:
        of.setdefault(alert.alert_id, []).append(alert)
    return [_row(alerts) for alerts in of.values()]


def _row(alerts: list[Alert]) -> Row:
    first, last = alerts[0], alerts[-1]
    regions = {county.region for alert in alerts for county in alert.counties}
    goods = {good for alert in alerts for good in alert.commodities or [alert.commodity]}
    return Row(
        alert_id=first.alert_id,
        detected=first.updated,
        onset=first.onset,
        region=_star(first.region),
        commodity=first.commodity,
        kind=first.kind,
        level=last.peak_level,
        score=max(alert.score for alert in alerts),
        recurrence_days=max(alert.recurrence_days for alert in alerts),
        regions=tuple(sorted({_star(region) for region in regions})),
        commodities=tuple(sorted(goods - {ALL})) or (ALL,),
    )


def _star(region: str) -> str:
    return FLAT if region == NATION else region
