"""Why an alert has its level: every clause of the rulebooks that hold there against what was measured."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from detectors.rulebook import Clause, Condition, Rulebook
from detectors.rulebook_measures import value_text, words
from streams.evidence import Measured, Names, Ruling
from streams.records import Alert


class Test(msgspec.Struct, frozen=True):
    """One condition of a clause against what was measured; ``depth`` is how deep it lies in the groups."""

    __test__ = False

    depth: int
    holds: bool
    text: Names
    """both languages; measured value, operator and threshold in them"""


class Answer(msgspec.Struct, frozen=True):
    """What became of one clause."""

    clause: Clause
    source: Names
    """title of the source, and its address, or the title again"""
    holds: bool
    where: tuple[str, str] | None
    """region and commodity of the reading that it was asked of; None: it asks of the incident as a whole"""
    tests: list[Test]


class Explanation(msgspec.Struct, frozen=True):
    """What one rulebook says of an alert."""

    book: Rulebook
    ruling: Ruling
    answers: list[Answer]
    """in the order of the book"""

    def other_version(self) -> str:
        """The version by which the alert was graded, where it is not this book's; else empty."""
        return self.ruling.rulebook if self.ruling.rulebook != self.book.label else ""


def explain(alert: Alert, books: Iterable[Rulebook]) -> list[Explanation]:
    """Every clause of every book that graded the alert, the gravest first, by the evidence in the alert alone.

    An alert without rulings is of an older version and explains nothing: the answer is empty.
    """
    known = {book.name: book for book in books}
    measured = alert.evidence.measured if alert.evidence else []
    return [
        Explanation(book, said, [_answer(clause, book, said, measured) for clause in book.clauses])
        for said in alert.rulings
        if (book := known.get(said.rulebook.rpartition(" ")[0])) is not None
    ]


def silent(alert: Alert, books: Iterable[Rulebook]) -> list[Rulebook]:
    """The books that hold where the alert is and of which no clause held."""
    graded = {said.rulebook.rpartition(" ")[0] for said in alert.rulings}
    hit = [county.region for county in alert.counties]
    here = [b for b in books if b.jurisdiction and b.name not in graded and any(map(b.holds_in, hit))]
    return here if alert.rulings else []


def lowered(alert: Alert) -> bool:
    """Whether the alert is told at a lighter level than its rulebooks give, since the budget asks for more rarity."""
    return bool(alert.rulings) and alert.level != alert.rulings[0].level


def _answer(clause: Clause, book: Rulebook, said: Ruling, measured: Sequence[Measured]) -> Answer:
    source = next(s for s in book.sources if s.id == clause.source)
    here = [m for m in measured if book.holds_in(m.region)]
    whole = clause.when.whole() or not here
    best = max(here, key=lambda m: _truths(clause.when, {**said.spread, **m.measures}, m.commodity), default=None)
    measures = {**said.spread, **(best.measures if best and not whole else {})}
    commodity = best.commodity if best and not whole else ""
    return Answer(
        clause=clause,
        source=Names(source.title, source.url or source.title),
        holds=clause.id in said.held,
        where=(best.region, best.commodity) if best and not whole else None,
        tests=list(_tests(clause.when, measures, commodity, 0)),
    )


def _truths(when: Condition, measures: Mapping[str, float], commodity: str) -> tuple[bool, int]:
    """How nearly a reading meets a condition: whether it does, and of how many parts."""
    return when.holds(measures, commodity), sum(part.holds(measures, commodity) for part in when.parts())


def _tests(when: Condition, measures: Mapping[str, float], commodity: str, depth: int) -> Iterator[Test]:
    holds = when.holds(measures, commodity)
    if when.measure:
        yield Test(depth, holds, _said(when, measures, commodity))
        return
    group = Names("须满足其一", "one of") if when.any else Names("须全部满足", "all of")
    yield Test(depth, holds, _of(when, group, commodity))
    for part in (*when.any, *when.all):
        yield from _tests(part, measures, commodity, depth + 1)


def _said(when: Condition, measures: Mapping[str, float], commodity: str) -> Names:
    text, value = words(when.measure, when.window), measures.get(when.key)
    wanted = f"{when.op} {value_text(when.measure, when.value)}"
    seen = Names("未测得", "not measured") if value is None else Names(*[value_text(when.measure, value)] * 2)
    return _of(when, Names(f"{text.zh}：{seen.zh} {wanted}", f"{text.en}: {seen.en} {wanted}"), commodity)


def _of(when: Condition, text: Names, commodity: str) -> Names:
    """With the commodities that it speaks of, and whether this is one."""
    if not when.commodities:
        return text
    codes = ", ".join(when.commodities)
    is_one = when.speaks_of(commodity)
    zh, en = ("", "") if is_one else ("（本商品不属此类）", " (this one is none of them)")
    return Names(f"{text.zh}；商品 {codes}{zh}", f"{text.en}; commodities {codes}{en}")
