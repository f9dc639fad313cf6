"""The state of incidents, and what they are graded by; ``incident.py`` moves it."""

from collections.abc import Collection
from typing import Final

import msgspec

from detectors.budget import Budget, required_recurrence
from detectors.incident_relation import ALL, FAMILIES, area, leaves
from detectors.pace import HOUR_MS
from detectors.rulebook import Rulebook
from streams.evidence import Evidence
from streams.records import Alert, Kind, Level

NO_PRICE_CUT: Final = 0.97
"""Below this price ratio a rush is a promotion's, and is not called panic."""


class Finding(msgspec.Struct, frozen=True):
    """One region and commodity that a detector finds unusual at a tick; either may be a parent, ``*`` the root."""

    region: str
    commodity: str
    kind: Kind
    p: float
    recurrence_days: float
    since: int
    """ms UTC: first sign"""
    observed: float = 0.0
    expected: float = 0.0
    terminals: int = 0
    kinds: int = 1
    """commodities of its city that are found with the same kind at the same tick"""
    measures: dict[str, float] = {}
    evidence: Evidence | None = None


class Hit(msgspec.Struct):
    """A region and commodity that is hit, by its newest finding."""

    finding: Finding
    last: int
    """end of the tick of its last finding, ms UTC"""
    since: int
    recurrence_days: float
    """of its rarest finding"""


class Incident(msgspec.Struct):
    """What is known of an incident, and what was last published of it."""

    alert_id: str
    family: str
    kind: Kind
    onset: int
    detected: int
    hits: dict[str, Hit]
    """by ``region|commodity``"""
    updated: int
    recurrence_days: float = 0.0
    """of its rarest finding ever"""
    idle_since: int = 0
    """end of the tick since which nothing is hit; 0: something is"""
    apart_since: int = 0
    """since when its parts have had nothing in common; 0: they have"""
    goods: list[str] = []
    """commodities that ever were hit"""
    former: list[str] = []
    """regions that were hit and no longer are"""
    absorbed: list[str] = []
    split_from: str = ""
    held: dict[str, int] = {}
    """since when a book has graded it so or graver, by ``book/level``, ms UTC"""
    published: Alert | None = None

    def areas(self) -> set[str]:
        """Provinces with hits, or FLAT; those that were hit, where none is."""
        hit = [h.finding.region for h in self.hits.values()]
        return {area(region) for region in hit or self.former}

    def commodities(self) -> set[str]:
        """Commodities that are hit, ALL among them where all together are; those that were hit, where none is."""
        return {hit.finding.commodity for hit in self.hits.values()} or {*self.goods}

    def regions(self) -> list[str]:
        """Regions that are hit, without those above others."""
        return leaves(hit.finding.region for hit in self.hits.values())


class Incidents(msgspec.Struct):
    """The state: all incidents that are going on, the oldest first."""

    going: list[Incident] = []


class Rules(msgspec.Struct, frozen=True):
    """What incidents are graded by."""

    books: tuple[Rulebook, ...]
    """the first has the numbers and the budget"""
    monitored: frozenset[str] = frozenset()
    """regions that are watched"""
    period_ms: int = 0
    budget: Budget | None = None
    """instead of the book's"""

    def hysteresis_ms(self) -> int:
        """How long a region stays hit after its last finding."""
        return max(int(self.books[0].numbers.hysteresis_hours * HOUR_MS), self.period_ms)

    def expiry_ms(self) -> int:
        """How long an incident without hits lasts."""
        return max(int(self.books[0].numbers.expiry_hours * HOUR_MS), 2 * self.period_ms)

    def least_days(self) -> float:
        """A finding counts where chance alone would give it less than once in so many days.

        Where a budget is asked for, that of level IV sets it.
        """
        if self.budget is None:
            return self.books[0].numbers.recurrence_days
        return required_recurrence(self.budget, "IV")

    def allowed(self) -> Budget | None:
        """The budget in force."""
        if self.budget is not None or not self.books[0].budget:
            return self.budget
        given: dict[Level, float] = {"I": 0.0, "II": 0.0, "III": 0.0, "IV": 0.0}
        return Budget({**given, **self.books[0].budget})


def kind_of(findings: Collection[Finding], rules: Rules) -> Kind:
    """The kind of what is found: a surge of many commodities at once, without a price cut, is panic buying."""
    kinds = sorted({f.kind for f in findings}, key=list(FAMILIES).index)
    if FAMILIES[kinds[0]] != "surge" or kinds[0] == "panic_buying":
        return kinds[0]
    names = {f.commodity for f in findings}
    broad = ALL in names or max(len(names), *(f.kinds for f in findings)) >= rules.books[0].numbers.broad_kinds
    cut = any(f.measures.get("price_ratio", 1.0) < NO_PRICE_CUT for f in findings)
    return "panic_buying" if broad and not cut else "demand_surge"
