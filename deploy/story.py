"""The demonstration's story in plain words, and how well the alerts told it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from deploy.words import china_time
from streams.records import LEVELS, Alert, Level
from streams.regions import full_name
from streams.simulate import Scenario
from streams.taxonomy import name_of

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that truly happens at a moment of simulated time, ms UTC."""

    at: int
    text: str


def beats(scenario: Scenario) -> list[Beat]:
    """What happens, in the order of time."""
    rush, gouge = scenario.rush, scenario.gouge
    salt = name_of(rush.commodity)
    told = []
    cities: set[str] = set()
    for county, at in sorted(rush.starts().items(), key=lambda item: item[1]):
        place = full_name(county)
        if county == rush.county:
            text = f"a rush on {salt.en} {salt.zh} begins in {place.en} {place.zh}"
        elif county[:4] in cities:
            text = f"it reaches {place.en} {place.zh}"
        else:
            city = full_name(county[:4])
            text = f"it reaches another city, {city.en} {city.zh}, first {place.en}"
        cities.add(county[:4])
        told.append(Beat(at, text))
    told.append(Beat(gouge.onset_ms, f"{gouge.enterprise} multiplies its price of {salt.en} by {gouge.factor:.0f}"))
    return sorted(told, key=lambda beat: beat.at)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The alerts against the truth. Delays in simulated minutes; None: never."""

    rush_delay: float | None
    gouge_delay: float | None
    levels: Mapping[Level, float]
    """minutes from the rush's onset until its alert first had each level"""
    false_before: list[Alert]
    """alerts detected before anything had begun"""
    others: list[Alert]
    """alerts after the onset that are of neither event"""


def judge(scenario: Scenario, revisions: Iterable[Alert]) -> Verdict:
    """Compare every revision that was heard with what truly happened."""
    rush, gouge = scenario.rush, scenario.gouge
    first: dict[str, Alert] = {}
    for alert in revisions:
        first.setdefault(alert.alert_id, alert)
    begin = min(rush.onset_ms, gouge.onset_ms)

    def of(kind: str, onset: int) -> list[Alert]:
        return [a for a in revisions if a.kind == kind and a.commodity == rush.commodity and a.updated > onset]

    rushes, gouges = of("panic_buying", rush.onset_ms), of("price_spike", gouge.onset_ms)
    levels: dict[Level, float] = {}
    for level in reversed(LEVELS):
        reached = [a.updated for a in rushes if a.level == level]
        if reached:
            levels[level] = (min(reached) - rush.onset_ms) / MINUTE_MS
    told = {a.alert_id for a in rushes + gouges}
    return Verdict(
        rush_delay=min(((a.updated - rush.onset_ms) / MINUTE_MS for a in rushes), default=None),
        gouge_delay=min(((a.updated - gouge.onset_ms) / MINUTE_MS for a in gouges), default=None),
        levels=levels,
        false_before=[a for a in first.values() if a.detected <= begin],
        others=[a for k, a in first.items() if a.detected > begin and k not in told],
    )


def verdict_lines(verdict: Verdict) -> list[str]:
    """The verdict for a terminal."""

    def delay(minutes: float | None) -> str:
        return "not found" if minutes is None else f"alert {minutes:.0f} minutes after the true onset"

    levels = ", ".join(f"{level} after {minutes:.0f} min" for level, minutes in verdict.levels.items())
    lines = [
        f"rush on salt        {delay(verdict.rush_delay)}" + (f" (level {levels})" if levels else ""),
        f"price doubled       {delay(verdict.gouge_delay)}",
        f"false alerts before {len(verdict.false_before)} in the whole history",
    ]
    return lines + [
        f"  also raised       {alert.kind} {alert.commodity_name.en}, {alert.region_name.en}, level {alert.level}, "
        f"{china_time(alert.detected)}"
        for alert in verdict.false_before + verdict.others
    ]
