"""Rulebooks: what counts as abnormal in a jurisdiction, and which level it is. Data in TOML, checked when read."""

import operator
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from detectors.spread import MEASURES, Extent
from streams.records import LEVELS, Level, Names

Op = Literal[">=", ">", "<=", "<", "=="]
_OPS: Final[dict[Op, Callable[[float, float], bool]]] = {
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
    """a county stays hit for so long after its last reading that counted"""
    expiry_hours: float
    """an incident with no county hit for so long is over"""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a rule stands."""

    id: str
    title: str
    note: str = ""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One comparison of a measure, or a group of conditions of which ``any`` or ``all`` must hold."""

    measure: str = ""
    op: Op = ">="
    value: float = 0.0
    any: list["Condition"] = []
    all: list["Condition"] = []

    def holds(self, measures: Mapping[str, float]) -> bool:
        """Whether it is true of these measures."""
        if self.any:
            return any(c.holds(measures) for c in self.any)
        if self.all:
            return all(c.holds(measures) for c in self.all)
        return _OPS[self.op](measures[self.measure], self.value)


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

    @property
    def label(self) -> str:
        """Name and version, as an alert states them."""
        return f"{self.name} {self.version}"


def level_of(measures: Mapping[str, float], rulebook: Rulebook) -> tuple[Level, str] | None:
    """The gravest level of which a clause holds, with the clause's id; None where none holds.

    ``measures`` are those of ``detectors.spread.MEASURES``. Of two clauses of one level the first in the book is named.
    """
    for level in LEVELS:
        for clause in rulebook.clauses:
            if clause.level == level and clause.when.holds(measures):
                return level, clause.id
    return None


@cache
def load_rulebook(name: str = "national") -> Rulebook:
    """A rulebook that the package ships. Raises RulebookError where there is none of that name, or it is wrong."""
    folder = files("detectors") / "rulebooks"
    shipped = sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    if name not in shipped:
        raise RulebookError(f"rulebook: expected one of {', '.join(shipped)}; got {name!r}")
    return read_rulebook((folder / f"{name}.toml").read_text(encoding="utf-8"))


def read_rulebook(text: str) -> Rulebook:
    """Read and check a rulebook. Raises RulebookError."""
    try:
        book = msgspec.toml.decode(text, type=Rulebook)
    except msgspec.DecodeError as error:
        raise RulebookError(f"rulebook: {error}") from error
    wrong = [*_wrong_numbers(book), *_wrong_clauses(book)]
    if wrong:
        raise RulebookError(f"rulebook {book.name}: " + "; ".join(wrong))
    return book


def _wrong_numbers(book: Rulebook) -> list[str]:
    n = book.numbers
    wanted = {
        "numbers.watch_p": (0.0 < n.watch_p < 1.0, "between 0 and 1", n.watch_p),
        "numbers.recurrence_days": (n.recurrence_days > 0.0, "above 0", n.recurrence_days),
        "numbers.panic_ratio": (n.panic_ratio > 1.0, "above 1", n.panic_ratio),
        "numbers.price_rise": (n.price_rise > 0.0, "above 0", n.price_rise),
        "numbers.revise_ratio": (n.revise_ratio > 0.0, "above 0", n.revise_ratio),
        "numbers.hysteresis_hours": (n.hysteresis_hours >= 0.0, "at least 0", n.hysteresis_hours),
        "numbers.expiry_hours": (n.expiry_hours >= 0.0, "at least 0", n.expiry_hours),
        "city.share": (0.0 < book.city.share <= 1.0, "above 0, at most 1", book.city.share),
        "city.at_least": (book.city.at_least >= 1, "at least 1", book.city.at_least),
        "province.share": (0.0 < book.province.share <= 1.0, "above 0, at most 1", book.province.share),
        "province.at_least": (book.province.at_least >= 1, "at least 1", book.province.at_least),
    }
    return [f"{name}: expected {range_}, got {got}" for name, (right, range_, got) in wanted.items() if not right]


def _wrong_clauses(book: Rulebook) -> list[str]:
    sources = {source.id for source in book.sources}
    ids = [clause.id for clause in book.clauses]
    wrong = [f"clause {i}: expected its id once, got it {ids.count(i)} times" for i in set(ids) if ids.count(i) > 1]
    if not book.clauses:
        wrong.append("clauses: expected at least one, got none")
    for clause in book.clauses:
        if clause.source not in sources:
            wrong.append(f"clause {clause.id}: expected a source of {sorted(sources)}, got {clause.source!r}")
        wrong += [f"clause {clause.id}: {w}" for w in _wrong_condition(clause.when)]
    return wrong


def _wrong_condition(condition: Condition) -> list[str]:
    kinds = [bool(condition.measure), bool(condition.any), bool(condition.all)]
    if sum(kinds) != 1:
        return [f"expected one of measure, any, all; got {sum(kinds)} of them"]
    if condition.measure and condition.measure not in MEASURES:
        return [f"expected a measure of {', '.join(MEASURES)}; got {condition.measure!r}"]
    return [wrong for part in (*condition.any, *condition.all) for wrong in _wrong_condition(part)]
