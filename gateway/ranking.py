"""The order in which alerts ask for attention: a pure key, the same for the board, the API and the snapshot."""

from typing import Final

from streams import taxonomy
from streams.records import LEVELS, Alert

ALL: Final = "*"
"""The commodity of an alert on several goods."""
LIVE: Final = frozenset({"open", "acknowledged"})
"""States in which somebody may still have to act."""

Rank = tuple[int, int, int, int, float, int]


def is_live(alert: Alert) -> bool:
    """Whether the alert has not ended."""
    return alert.state in LIVE


def rank(alert: Alert) -> Rank:
    """Six numbers to be compared in order, the smaller the more urgent; equal ones are told apart by the alert's id.

    1. 0 live, 1 ended · 2. level, 0 for I to 3 for IV · 3. minus the number of hit counties · 4. necessity: 0 an
    emergency good of the taxonomy, 1 a monitored one, 2 another · 5. minus the recurrence in days: the rarer by chance,
    the more urgent · 6. minus the tick of the revision, ms UTC: the newer first.

    Level comes before spread because it is the rulebook's word; spread before necessity because area is what the
    Order's levels are made of (Ministry of Commerce Order 2011 No. 4).
    """
    return (
        0 if is_live(alert) else 1,
        LEVELS.index(alert.level),
        -len(alert.counties),
        necessity(alert.commodity),
        -alert.recurrence_days,
        -alert.updated,
    )


def order(alert: Alert) -> tuple[Rank, str]:
    """A sort key that is never equal for two alerts."""
    return rank(alert), alert.alert_id


def necessity(code: str) -> int:
    """0 for an emergency good, 1 for a monitored one, 2 for another, by the commodity or the nearest one above it.

    ``*``, several goods or all at once, is 0: a trouble of all is one of the emergency goods too.
    """
    if code == ALL:
        return 0
    good = taxonomy.node(code)
    return 0 if good.emergency else 1 if good.monitored else 2
