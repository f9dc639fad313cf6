"""Rulebooks: what counts as abnormal in a jurisdiction, and which level it is. Data in TOML, checked when read."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec

from detectors.rulebook_measures import MEASURES, key_of
from detectors.spread import Extent
from streams.evidence import Measured, Names, Ruling
from streams.records import LEVELS, Level

NATIONAL: Final = "national"
"""The book that has the numbers; the others take from it what they do not say themselves."""
Op = Literal[">=", ">", "<=", "<", "=="]
OPS: Final[dict[Op, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


class RulebookError(ValueError):
    """A rulebook that cannot be used; the text names each place."""


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The thresholds of detectors and escalation."""

    watch_p: float
    """a series is flagged, and not learned from, below this p"""
    recurrence_days: float
    """a reading counts if chance alone would give it less than once in so many days over the whole area"""
    panic_ratio: float
    """and if the quantity is at least so many times the usual"""
    price_rise: float
    """and if the price is up by at least this fraction"""
    revise_ratio: float
    """an alert is revised when its ratio has changed by this fraction"""
    hysteresis_hours: float
    """a county stays hit for so long after its last reading that counted, and for one period at least"""
    expiry_hours: float
    """an incident with no county hit for so long is over; two periods at least"""
    split_hours: float = 24.0
    """parts of an incident that have had nothing in common for so long become incidents of their own"""
    broad_kinds: int = 3
    """so many commodities of a region at once are one incident"""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a rule stands."""

    id: str
    title: str
    url: str = ""
    note: str = ""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One comparison of a measure, or a group of conditions of which ``any`` or ``all`` must hold.

    ``commodities``: it holds of these commodities alone, by their first digits in the taxonomy.
    """

    measure: str = ""
    window: str = ""
    op: Op = ">="
    value: float = 0.0
    commodities: list[str] = []
    any: list["Condition"] = []
    all: list["Condition"] = []

    @property
    def key(self) -> str:
        """The key of its value among the measures."""
        return key_of(self.measure, self.window)

    def speaks_of(self, commodity: str) -> bool:
        """Whether it can hold of this commodity."""
        return not self.commodities or commodity.startswith(tuple(self.commodities))

    def holds(self, measures: Mapping[str, float], commodity: str = "") -> bool:
        """Whether it is true of these measures; what is not measured is never true."""
        if not self.speaks_of(commodity):
            return False
        if self.any:
            return any(c.holds(measures, commodity) for c in self.any)
        if self.all:
            return all(c.holds(measures, commodity) for c in self.all)
        value = measures.get(self.key)
        return value is not None and OPS[self.op](value, self.value)

    def parts(self) -> Iterator["Condition"]:
        """Itself and every condition in it."""
        yield self
        for part in (*self.any, *self.all):
            yield from part.parts()

    def whole(self) -> bool:
        """Whether it asks of the incident as a whole alone, so that it is the same for each reading."""
        return all(not c.commodities and (not c.measure or MEASURES[c.measure].whole) for c in self.parts())


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: which level, when, by what source, in plain words."""

    id: str
    level: Level
    source: str
    text: Names
    when: Condition


class Rulebook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A jurisdiction's rules."""

    name: str
    version: str
    title: Names
    numbers: Numbers
    city: Extent
    province: Extent
    sources: list[Source]
    clauses: list[Clause]
    jurisdiction: list[str] = []
    """first digits of the division codes where it holds; "" is everywhere; none: only where it is asked for by name"""
    budget: dict[Level, float] = {}
    """false alerts a month that each level may cost"""
    not_found: list[str] = []
    """what the sources are said to have and could not be read: it is left out"""

    @property
    def label(self) -> str:
        """Name and version, as an alert states them."""
        return f"{self.name} {self.version}"

    def holds_in(self, region: str) -> bool:
        """Whether its jurisdiction covers a region. One that is asked for by name, having none, covers all."""
        return not self.jurisdiction or region.startswith(tuple(self.jurisdiction))


def level_of(measures: Mapping[str, float], rulebook: Rulebook) -> tuple[Level, str] | None:
    """The gravest level of which a clause holds, with the clause's id; None where none holds.

    ``measures`` by the keys of ``rulebook_measures``. Of two clauses of one level the first in the book is named.
    """
    for level in LEVELS:
        for clause in rulebook.clauses:
            if clause.level == level and clause.when.holds(measures):
                return level, clause.id
    return None


def ruling(rulebook: Rulebook, spread: Mapping[str, float], measured: Sequence[Measured]) -> Ruling | None:
    """What the book says of an incident; None where no clause holds.

    ``spread`` is of the incident as a whole, ``measured`` of its readings. A clause holds where one reading, together
    with the whole, meets all that it asks for.
    """
    # Many counties measure the same: each difference is asked of once.
    different = {(m.commodity, *m.measures.items()): m for m in measured}.values()
    cases = [(m.commodity, {**spread, **m.measures}) for m in different] or [("", dict(spread))]
    held = [c for c in rulebook.clauses if _holds(c.when, spread, cases)]
    if not held:
        return None
    gravest = min(held, key=lambda c: LEVELS.index(c.level))
    return Ruling(rulebook.label, gravest.level, gravest.id, [c.id for c in held], dict(spread))


def _holds(when: Condition, spread: Mapping[str, float], cases: list[tuple[str, dict[str, float]]]) -> bool:
    if when.whole():
        return when.holds(spread)
    return any(when.holds(measures, commodity) for commodity, measures in cases)


def shipped() -> list[str]:
    """Names of the rulebooks that the package ships, the national one first."""
    folder = files("detectors") / "rulebooks"
    names = sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    return sorted(names, key=lambda name: name != NATIONAL)


@cache
def load_rulebook(name: str = NATIONAL) -> Rulebook:
    """A rulebook that the package ships. Raises RulebookError where there is none of that name, or it is wrong."""
    if name not in shipped():
        raise RulebookError(f"rulebook: expected one of {', '.join(shipped())}; got {name!r}")
    text = (files("detectors") / "rulebooks" / f"{name}.toml").read_text(encoding="utf-8")
    book = read_rulebook(text)
    if book.name != name:
        raise RulebookError(f"rulebook {name}: expected its name to be {name!r}, got {book.name!r}")
    return book


@cache
def rulebooks(name: str = NATIONAL) -> tuple[Rulebook, ...]:
    """The books to grade by: the one named, then every other that has a jurisdiction. Raises RulebookError."""
    first = load_rulebook(name)
    others = [load_rulebook(other) for other in shipped() if other != name]
    return (first, *(book for book in others if book.jurisdiction))


def read_rulebook(text: str) -> Rulebook:
    """Read and check a rulebook; what it does not say is as in the national one. Raises RulebookError."""
    from detectors.rulebook_check import faults

    try:
        read: dict[str, Any] = msgspec.toml.decode(text, type=dict[str, Any])
        if read.get("name") != NATIONAL:
            read = {**_common(), **read}
        book = msgspec.convert(read, type=Rulebook)
    except msgspec.DecodeError as error:
        raise RulebookError(f"rulebook: {error}") from error
    if wrong := faults(book):
        raise RulebookError(f"rulebook {book.name}: " + "; ".join(wrong))
    return book


def _common() -> dict[str, Any]:
    """What all books share with the national one."""
    national = load_rulebook()
    return {part: msgspec.to_builtins(getattr(national, part)) for part in ("numbers", "city", "province")}
