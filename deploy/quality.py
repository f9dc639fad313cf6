"""The report of data quality: what the store says of each enterprise, in six dimensions, against the period before."""

import csv
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from sinks import quality
from sinks.quality import Light, Limits, Period, limits

DIMENSIONS: Final = ("completeness", "timeliness", "coding", "units", "silence", "duplicates")
CHINA: Final = ZoneInfo("Asia/Shanghai")
_LIGHTS: Final[tuple[Light, ...]] = ("green", "amber", "red")
_SHOWN: Final[dict[Light | None, str]] = {"green": "green", "amber": "AMBER", "red": "RED", None: "-"}

Ask = Callable[[str], pa.Table]
Trend = Literal["better", "same", "worse", "unknown"]
Row = dict[str, Any]


class Measure(msgspec.Struct, frozen=True):
    """A share of ``of`` things (or seconds), where lower is better; ``before``: in the period before. None: nothing."""

    name: str
    dimension: str
    unit: Literal["share", "seconds"]
    value: float | None
    of: int
    before: float | None
    trend: Trend
    light: Light | None


class Method(msgspec.Struct, frozen=True):
    """How much was coded by one method, or by none; ``lines`` and ``value`` are shares of sales."""

    method: str
    coded: bool
    lines: float
    value: float


class Enterprise(msgspec.Struct, frozen=True):
    """What one enterprise sent in the period."""

    enterprise: str
    first_day: str
    days: int
    lines: int
    lights: dict[str, Light | None]
    """of each dimension: the worst of its measures; None: too little to judge"""
    measures: list[Measure]
    methods: list[Method]


def period_of(last: date, days: int) -> Period:
    """``days`` days of China up to ``last``, all of it."""
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), CHINA)
    return Period(int((end - timedelta(days=days)).timestamp() * 1000), int(end.timestamp() * 1000))


def report(ask: Ask, period: Period, enterprise: str = "") -> list[Enterprise]:
    """The report on one enterprise, or on all that sent lines in the period. Raises QueryError."""
    now, before = _answers(ask, period, enterprise), _answers(ask, period.before(), enterprise)
    return [_judged(name, period, now, before, limits()) for name in sorted(now["lines"])]


def table(of: Iterable[Enterprise]) -> pa.Table:
    """One row an enterprise and measure: for CSV, and for a terminal."""
    rows = [
        {"enterprise": one.enterprise, "first_day": one.first_day, "days": one.days, "lines": one.lines}
        | {"dimension": m.dimension, "measure": m.name, "unit": m.unit, "value": m.value, "of": m.of}
        | {"before": m.before, "trend": m.trend, "light": m.light}
        for one in of
        for m in one.measures
    ]
    return pa.Table.from_pylist(rows) if rows else pa.table({"enterprise": pa.array([], pa.string())})


def csv_text(rows: pa.Table) -> str:
    """CSV with a header; nothing where there is no value."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows.column_names)
    writer.writerows(row.values() for row in rows.to_pylist())
    return out.getvalue()


def summary(of: Iterable[Enterprise]) -> list[str]:
    """The report for a terminal: an enterprise with its lights, then what stands behind each."""
    out: list[str] = []
    for one in of:
        lights = "  ".join(f"{name} {_SHOWN[one.lights[name]]}" for name in DIMENSIONS)
        out += [f"{one.enterprise}: {one.lines:,} lines in {one.days} days from {one.first_day}", f"  {lights}"]
        for m in one.measures:
            trend = "" if m.trend in ("same", "unknown") else f", {m.trend}: {_number(m, m.before)} before"
            light = f"  {_SHOWN[m.light]}" if m.light in ("amber", "red") else ""
            out.append(f"  {m.dimension:<13} {m.name:<16} {_number(m, m.value):>10} of {m.of:,}{trend}{light}")
        coded = ", ".join(
            f"{m.method if m.coded else 'not coded'} {m.lines:.1%} of lines, {m.value:.1%} of value"
            for m in one.methods
        )
        out += [f"  coded by      {coded or '-'}", ""]
    return out[:-1]


def _number(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3%}" if measure.unit == "share" else f"{value:,.1f} s"


Answers = Mapping[str, Mapping[str, Any]]
_QUESTIONS: Final = {
    "lines": quality.lines,
    "numbers": quality.numbers,
    "refused": quality.refused,
    "first_sights": quality.first_sights,
    "unit_mistakes": quality.unit_mistakes,
    "silent": quality.silent,
    "duplicates": quality.duplicates,
}


def _answers(ask: Ask, period: Period, enterprise: str) -> Answers:
    """Answers by question and enterprise; of ``coded`` all rows of an enterprise."""
    found: dict[str, dict[str, Any]] = {
        name: {row["enterprise"]: row for row in ask(question(period, enterprise)).to_pylist()}
        for name, question in _QUESTIONS.items()
    }
    found["coded"] = {}
    for row in ask(quality.coded(period, enterprise)).to_pylist():
        found["coded"].setdefault(row["enterprise"], []).append(row)
    return found


def _judged(name: str, period: Period, now: Answers, before: Answers, limit: Limits) -> Enterprise:
    earlier = {m: value for m, _, _, value, _ in _measured(name, before)}
    measures = []
    for measure, dimension, unit, value, of in _measured(name, now):
        light = limit.light(measure, value, of) if unit == "share" else None
        trend = _trend(value, earlier[measure])
        measures.append(Measure(measure, dimension, unit, value, of, earlier[measure], trend, light))
    coded = now["coded"].get(name, [])
    lines, value = (sum(row[column] for row in coded) for column in ("lines", "value"))
    return Enterprise(
        enterprise=name,
        first_day=datetime.fromtimestamp(period.start / 1000, CHINA).date().isoformat(),
        days=(period.end - period.start) // quality.DAY_MS,
        lines=now["lines"][name]["lines"],
        lights={d: _worst(m.light for m in measures if m.dimension == d) for d in DIMENSIONS},
        measures=measures,
        methods=[
            Method(row["method"], bool(row["coded"]), row["lines"] / lines, row["value"] / max(value, 1))
            for row in coded
        ],
    )


Measured = tuple[str, str, Literal["share", "seconds"], float | None, int]


def _measured(name: str, answers: Answers) -> list[Measured]:
    """``(measure, dimension, unit, value, of)`` of one enterprise."""
    of = {question: rows.get(name, {}) for question, rows in answers.items() if question != "coded"}
    lines, numbers, refused = of["lines"], of["numbers"], of["refused"]
    sights, priced, shelves, sold = of["first_sights"], of["unit_mistakes"], of["silent"], of["duplicates"]
    coded = answers["coded"].get(name, [])
    stored, turned_away = lines.get("lines", 0), refused.get("lines", 0)
    articles = sights.get("articles", 0)
    uncoded = [row for row in coded if not row["coded"]]

    def share(measure: str, dimension: str, part: float, whole: float) -> Measured:
        return measure, dimension, "share", part / whole if whole else None, int(whole)

    def total(rows: list[Row], column: str) -> int:
        return sum(row[column] for row in rows)

    return [
        share("refused_lines", "completeness", turned_away, stored + turned_away),
        share("unseen_numbers", "completeness", numbers.get("unseen", 0), numbers.get("numbers", 0)),
        *(
            share(f"empty_{field}", "completeness", sights.get(field, 0), articles)
            for field in ("name", "spec", "unit")
        ),
        share("empty_fields", "completeness", sum(sights.get(f, 0) for f in ("name", "spec", "unit")), 3 * articles),
        share("late_lines", "timeliness", lines.get("late", 0), stored),
        *((f"delay_{q}", "timeliness", "seconds", lines.get(q), stored) for q in ("p50", "p90", "p99")),
        share("uncoded_lines", "coding", total(uncoded, "lines"), total(coded, "lines")),
        share("uncoded_value", "coding", total(uncoded, "value"), total(coded, "value")),
        share("unit_mistakes", "units", priced.get("mistakes", 0), priced.get("priced", 0)),
        share("silent_skus", "silence", shelves.get("silent", 0), shelves.get("steady", 0)),
        share("duplicate_lines", "duplicates", sold.get("twice", 0), sold.get("lines", 0)),
    ]


def _trend(value: float | None, before: float | None) -> Trend:
    """A tenth more or less is no change."""
    if value is None or before is None:
        return "unknown"
    if abs(value - before) <= 0.1 * max(value, before):
        return "same"
    return "better" if value < before else "worse"


def _worst(lights: Iterable[Light | None]) -> Light | None:
    return max((light for light in lights if light is not None), key=_LIGHTS.index, default=None)
