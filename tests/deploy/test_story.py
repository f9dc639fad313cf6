"""The demonstration's verdict: delays from the true onset, levels, and what was false."""

import msgspec

from deploy.story import MINUTE_MS, beats, judge, verdict_lines
from streams.records import Alert, Kind, Level
from streams.simulate import rush_of_march_2011
from streams.world import make_world
from tests.deploy.alerts import event

ONSET = 1_768_788_000_000
SCENARIO = rush_of_march_2011(make_world(7, 96), ONSET)


def alert(name: str, kind: Kind, level: Level, minutes: float, **changes: object) -> Alert:
    at = ONSET + int(minutes * MINUTE_MS)
    plain = event().data
    return msgspec.structs.replace(
        plain, alert_id=name, kind=kind, level=level, commodity="1001", detected=at, updated=at, **changes
    )


def test_delays_run_from_the_true_onset_to_the_first_revision_of_each_level() -> None:
    heard = [
        alert("salt", "panic_buying", "IV", 20),
        alert("salt", "panic_buying", "III", 35),
        alert("salt", "panic_buying", "III", 50),
        alert("price", "price_spike", "IV", 55),
    ]
    verdict = judge(SCENARIO, heard)
    assert (verdict.rush_delay, verdict.gouge_delay) == (20, 10)
    assert dict(verdict.levels) == {"IV": 20, "III": 35}
    assert verdict.false_before == verdict.others == []


def test_what_was_raised_before_anything_happened_is_false_even_for_salt() -> None:
    heard = [alert("early", "panic_buying", "IV", -600), alert("milk", "panic_buying", "IV", 30)]
    heard[1] = msgspec.structs.replace(heard[1], commodity="0601")
    verdict = judge(SCENARIO, heard)
    assert verdict.rush_delay is None
    assert [a.alert_id for a in verdict.false_before] == ["early"]
    assert [a.alert_id for a in verdict.others] == ["milk"]
    assert any("not found" in line for line in verdict_lines(verdict))


def test_the_story_is_told_in_the_order_of_time_and_begins_where_the_rush_begins() -> None:
    told = beats(SCENARIO)
    assert [b.at for b in told] == sorted(b.at for b in told)
    assert told[0].at == ONSET
    assert "begins in" in told[0].text
    assert any("multiplies its price" in b.text for b in told)
