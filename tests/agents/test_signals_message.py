"""Signals as messages: keyed by family, in an order that tells what came before, the last one of a family marked."""

import msgspec

from agents.signals_message import LAST, to_messages
from streams.records import Kind, Signal, UnitReading
from streams.topics import SIGNALS

READING = UnitReading("330602", 1e-9, 8.0, 1.0, 0, 3)


def signal(kind: Kind, code: str, *readings: UnitReading) -> Signal:
    return Signal("3306", code, kind, 0, 300_000, 1.0, list(readings))


def test_each_family_has_a_key_and_a_last_signal_and_each_kind_rises_by_commodity() -> None:
    given = [
        signal("stock_out", "1001"),
        signal("panic_buying", "0301", READING),
        signal("demand_surge", "1001", READING),
        signal("panic_buying", "*", READING),
        signal("panic_buying", "0101"),
    ]
    messages = to_messages(given)
    said = [msgspec.json.decode(m.value, type=Signal) for m in messages]
    assert {m.topic for m in messages} == {SIGNALS}
    assert [(m.key, s.kind, s.code, LAST in m.headers) for m, s in zip(messages, said, strict=True)] == [
        (b"surge", "demand_surge", "1001", False),
        (b"surge", "panic_buying", "*", False),
        (b"surge", "panic_buying", "0101", False),
        (b"surge", "panic_buying", "0301", True),
        (b"stock_out", "stock_out", "1001", True),
    ]


def test_each_signal_knows_how_many_commodities_are_found_with_its_kind() -> None:
    given = [signal("demand_surge", code, READING) for code in ("*", "0101", "0301", "1001")]
    messages = to_messages([*given, signal("demand_surge", "0801"), signal("stock_out", "1001", READING)])
    said = [msgspec.json.decode(m.value, type=Signal) for m in messages]
    assert [(s.code, s.kinds) for s in said] == [*((c, 3) for c in ("*", "0101", "0301", "0801", "1001")), ("1001", 1)]


def test_nothing_to_say_is_no_message() -> None:
    assert to_messages([]) == []
