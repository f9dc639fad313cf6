"""Records that travel as JSON: the registry, refusals, signals, alerts. Times are ms UTC unless a name says else."""

from typing import Any, Final, Literal

import msgspec

from streams.reasons import Finding

Level = Literal["I", "II", "III", "IV"]
LEVELS: Final[tuple[Level, ...]] = ("I", "II", "III", "IV")
Kind = Literal["panic_buying", "price_spike"]
AlertState = Literal["open", "acknowledged", "closed", "expired"]


class TerminalRecord(msgspec.Struct, frozen=True, tag="terminal", tag_field="type"):
    """``registry``, key ``terminal/<id>``: where a terminal stands and whose it is."""

    terminal_id: str
    enterprise: str
    county: str
    """6 digits; a code that is in no official list (99xxxx) means a place that is not known"""
    channel: str = "supermarket"


class Mapping(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one SKU of an enterprise is."""

    sku: str
    code: str
    unit: str = ""
    """the unit it is sold in where a line does not say"""
    content: int = 0
    """g, ml or thousandths of a piece in one pack, where the unit is a pack; 0: not known"""
    method: str = "registry"
    confidence: float = 1.0


class MappingRecord(msgspec.Struct, frozen=True, tag="mapping", tag_field="type"):
    """``registry``, key ``mapping/<enterprise>/<part>``: up to 1,000 SKU mappings; the last one holds."""

    enterprise: str
    mappings: list[Mapping]


RegistryRecord = TerminalRecord | MappingRecord


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """``pos.rejected``: an envelope refused whole, or the refused lines of one that was taken, with the reasons."""

    raw_partition: int
    raw_offset: int
    at: int
    findings: list[Finding]
    terminal_id: str = ""
    seq: int | None = None
    whole: bool = False
    lines: list[dict[str, Any]] = []
    """the refused lines as they came (``whole`` false)"""
    payload: bytes = b""
    """the refused envelope as it came (``whole`` true), base64 in JSON"""


class UnitReading(msgspec.Struct, frozen=True):
    """One county (6 digits) or the whole city (4): what was seen against what was expected."""

    region: str
    p: float
    """the chance that nothing wrong would give this, under the detector's model"""
    observed: float
    """quantity: base units a day in the window; price: the mean price relative (1.0: as usual)"""
    expected: float
    since: int
    """tick at which the deviation began, by the detector's change point"""
    terminals: int
    """shops that contributed to the window"""


class Signal(msgspec.Struct, frozen=True):
    """``signals``, key commodity: one city's scored anomalies of one commodity at a tick. No readings: it is over."""

    city: str
    code: str
    kind: Kind
    tick: int
    tick_ms: int
    tests_per_day: float
    """tests of this kind that the city's detector makes in a day: what a p-value must be corrected by"""
    readings: list[UnitReading]


class Names(msgspec.Struct, frozen=True):
    """A name in both languages."""

    zh: str
    en: str


class RegionReading(msgspec.Struct, frozen=True):
    """One hit county in an alert: counts and ratios, never a shop's or an enterprise's name."""

    region: str
    name: Names
    ratio: float
    since: int


class Alert(msgspec.Struct, frozen=True):
    """``alerts``, the ``data`` of the CloudEvent: one revision of an incident's alert."""

    alert_id: str
    revision: int
    state: AlertState
    kind: Kind
    level: Level
    commodity: str
    commodity_name: Names
    region: str
    """the smallest region of the tree that holds all hit counties; ``00`` is the nation"""
    region_name: Names
    provinces: list[str]
    counties: list[RegionReading]
    observed: float
    expected: float
    ratio: float
    terminals: int
    onset: int
    detected: int
    """tick (its end) at which it was first raised"""
    updated: int
    """tick (its end) of this revision"""
    recurrence_days: float
    """how often chance alone would raise this in the monitored area, under the detector's model"""
    clause: str
    """the clause of the rulebook that gave the level"""
    rulebook: str
    peak_level: Level


ALERT_TYPE: Final = "cn.infopump.alert.v1"


class AlertEvent(msgspec.Struct, frozen=True):
    """CloudEvents 1.0 in JSON, structured mode: what stands in the topic and goes out of the WebSocket."""

    id: str
    source: str
    time: str
    """RFC 3339, UTC: when it was published"""
    subject: str
    data: Alert
    specversion: str = "1.0"
    type: str = ALERT_TYPE
    datacontenttype: str = "application/json"


def encode(record: msgspec.Struct) -> bytes:
    """JSON of any record here."""
    return msgspec.json.encode(record)
