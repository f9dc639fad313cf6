"""Records that travel as JSON: the registry, refusals, signals, alerts. Times are ms UTC unless a name says else."""

from typing import Any, Final, Literal, get_args

import msgspec

from streams.evidence import Evidence, Ruling
from streams.evidence import Names as Names
from streams.reasons import Finding

Level = Literal["I", "II", "III", "IV"]
LEVELS: Final[tuple[Level, ...]] = ("I", "II", "III", "IV")
Kind = Literal[
    "panic_buying",
    "demand_surge",
    "demand_drop",
    "price_spike",
    "price_drop",
    "stock_out",
    "glut",
    "supply_interruption",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
AlertState = Literal["open", "acknowledged", "closed", "expired"]


class TerminalRecord(msgspec.Struct, frozen=True, tag="terminal", tag_field="type"):
    """``registry``, key ``terminal/<id>``: where a terminal stands and whose it is."""

    terminal_id: str
    enterprise: str
    county: str
    """6 digits; a code that is in no official list (99xxxx) means a place that is not known"""
    channel: str = "supermarket"
    valid_from: int = 0
    """since when this holds; 0: since ever. A later one ends an earlier one, which stays known"""
    valid_to: int = 0
    """when the shop closed, exclusive; 0: it has not"""


class Acknowledged(msgspec.Struct, frozen=True):
    """What the broker has acknowledged of one terminal's envelopes of one day of China, by their ``sent_at``."""

    day: str
    """YYYY-MM-DD"""
    envelopes: int
    lines: int


class Heartbeat(msgspec.Struct, frozen=True):
    """``heartbeats``, key terminal_id: how a terminal is. Its counts only grow within a session."""

    terminal_id: str
    session: int
    """when the terminal began to count, ms UTC: counts of different sessions add up"""
    at: int
    seq: int
    """the last number that was given to an envelope"""
    spooled: int
    """envelopes that were sent and are not acknowledged"""
    days: list[Acknowledged]


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


Verdict = Literal["accepted", "corrected", "split", "withdrawn"]


class Decision(msgspec.Struct, frozen=True, tag="decision", tag_field="type", omit_defaults=True):
    """``registry``, key ``decision/<enterprise>/<sku>``: what a person said that an article is; the last one holds.

    ``split``: the enterprise uses one SKU for different goods, so each name is an article of its own (see SPLIT).
    ``withdrawn``: the earlier decision no longer holds. It goes before a mapping of the enterprise.
    """

    decision_id: str
    enterprise: str
    sku: str
    verdict: Verdict
    author: str
    at: int
    code: str = ""
    suggested: str = ""
    """the code that it had before"""
    unit: str = ""
    content: int = 0
    """as in Mapping"""
    brand: str = ""
    name: str = ""
    """the article's name, barcode, category and tax code as they were seen: others are learned from them"""
    barcode: str = ""
    category: str = ""
    tax_code: str = ""
    note: str = ""


class LabelLayout(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an enterprise prints variable-weight labels: digits from 0, ends exclusive."""

    prefix: str
    """leading digits, such as ``21``"""
    length: int
    """digits in all, check digit included: 13 or 18"""
    item: tuple[int, int]
    measure: tuple[int, int]
    measures: Literal["weight", "price"]
    scale: int = 1
    """g (weight) or fen (price) in one unit of the measure's last digit"""
    price_check: int | None = None
    """position of the check digit of the measure, where there is one"""
    check_digit: bool = True
    """whether the last digit is the GS1 check digit of all others"""


class EnterpriseRecord(msgspec.Struct, frozen=True, tag="enterprise", tag_field="type", omit_defaults=True):
    """``registry``, key ``enterprise/<id>``: what must be known to read an enterprise's lines."""

    enterprise: str
    labels: list[LabelLayout] = []
    name: str = ""
    holding: str = ""
    """the company that controls it: enterprises of one holding count as one contributor"""
    county: str = ""
    """seat, 6 digits"""
    valid_from: int = 0
    valid_to: int = 0
    """as in TerminalRecord"""


RegistryRecord = TerminalRecord | MappingRecord | Decision | EnterpriseRecord

SPLIT: Final = "\u241f"
"""Stands between SKU and name in the SKU of an article whose SKU was split by name."""


class SkuRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What normalize made of an article when it first met it, and again whenever that changed."""

    enterprise: str
    sku: str
    unit: str
    code: str
    method: str
    confidence: float
    seen_at: int
    """``ts`` of the line by which it was described, ms UTC"""
    name: str = ""
    spec: str = ""
    barcode: str = ""
    category: str = ""
    tax_code: str = ""
    brand: str = ""
    suggested: str = ""
    """the code that its name suggests, where that is too unsure to be taken: ``code`` is 99 then"""
    reasons: list[str] = []
    """why this code, in words: what was matched, by what"""
    qty: float = 0.0
    content_unit: str = ""
    packs: int = 0
    """printed net content: ``qty`` g, ml or piece of one pack, ``packs`` of them; 0: none was printed"""
    per_unit: int = 0
    """g, ml or thousandths of a piece in one unit of sale; 0: not known"""
    quality: int = 0


class SkuSightings(msgspec.Struct, frozen=True):
    """``skus``, key enterprise: articles described by normalize. Idempotent: the last one of an article holds."""

    raw_partition: int
    raw_offset: int
    at: int
    skus: list[SkuRecord]


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


class UnitReading(msgspec.Struct, frozen=True, omit_defaults=True):
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
    measures: dict[str, float] = {}
    """what rules ask for, by the names in ``detectors/rulebook_measures.py``; those not known are absent"""
    evidence: Evidence | None = None


class Signal(msgspec.Struct, frozen=True, omit_defaults=True):
    """``signals``, key family of the kind: one city's anomalies of one commodity at a tick. No readings: it is over."""

    city: str
    code: str
    kind: Kind
    tick: int
    tick_ms: int
    tests_per_day: float
    """tests of this kind that the city's detector makes in a day: what a p-value must be corrected by"""
    readings: list[UnitReading]
    kinds: int = 1
    """commodities of the city that are flagged with the same kind at this tick"""


class RegionReading(msgspec.Struct, frozen=True):
    """One hit county in an alert: counts and ratios, never a shop's or an enterprise's name."""

    region: str
    name: Names
    ratio: float
    since: int


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """``alerts``, the ``data`` of the CloudEvent: one revision of an incident's alert."""

    alert_id: str
    revision: int
    state: AlertState
    kind: Kind
    level: Level
    commodity: str
    """``*``: it spans many, see ``commodities``"""
    commodity_name: Names
    region: str
    """the smallest region of the tree that holds all hit counties; ``00`` is the nation, ``*`` all regions of an input
    that has no division codes"""
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
    """the rulebook of that clause; ``rulings`` has the others"""
    peak_level: Level
    score: float = 0.0
    """consequence, 0 to 100, for sorting"""
    commodities: list[str] = []
    """the hit commodities, where they are several"""
    former: list[str] = []
    """regions that were hit and no longer are"""
    absorbed: list[str] = []
    """alerts that were merged into this one"""
    merged_into: str = ""
    """the alert that this one was merged into; it is closed"""
    split_from: str = ""
    """the alert that this one was part of"""
    rulings: list[Ruling] = []
    """of each rulebook that holds here and grades it, the gravest first"""
    evidence: Evidence | None = None


Action = Literal["acknowledge", "assign", "comment", "close", "silence"]


class AlertCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """``alert.commands``, key alert id: what a person did with an alert."""

    command_id: str
    alert_id: str
    action: Action
    author: str
    at: int
    revision: int = 0
    """the revision that they saw"""
    assignee: str = ""
    until: int = 0
    """end of a silence"""
    comment: str = ""


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
