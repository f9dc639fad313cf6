"""The messages of ``signals``: keyed by the family of their kind, in an order that can be checked, the last one marked.

All signals of a city, tick and family are one group: who reads them knows that nothing more comes of it when it has
seen the last one, and so needs no clock and no guess to look at them together.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from agents.stage import Incoming, Outgoing
from detectors.incident_relation import ALL, FAMILIES
from streams.records import Kind, Signal, encode
from streams.topics import SIGNALS

LAST: Final = "last"
"""Header of the last signal of a city, tick and family."""


def key_of(kind: Kind) -> bytes:
    """The Kafka key: kinds that can be one trouble go to one reader, whatever the city and commodity."""
    return FAMILIES[kind].encode()


def to_messages(signals: Iterable[Signal]) -> list[Outgoing]:
    """Signals of one city and tick, by kind and commodity, each with the number of commodities found with its kind.

    A city's signals of a kind rise by tick and commodity, so that the last one tells a reader which came before.
    """
    ordered = sorted(signals, key=lambda s: (s.kind, s.code))
    found = Counter(s.kind for s in ordered if s.readings and s.code != ALL)
    last = {FAMILIES[s.kind]: i for i, s in enumerate(ordered)}
    return [
        Outgoing(
            SIGNALS,
            key_of(s.kind),
            encode(msgspec.structs.replace(s, kinds=max(found[s.kind], 1))),
            headers={LAST: b"1"} if last[FAMILIES[s.kind]] == i else {},
        )
        for i, s in enumerate(ordered)
    ]


def is_last(record: Incoming) -> bool:
    """Whether nothing more comes of the signal's city, tick and family."""
    return LAST in record.headers
