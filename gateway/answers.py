"""What the REST routes answer, and the schemas of all that goes out, each field described, for OpenAPI."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from gateway.protocol import EventMessage, HelloMessage, PingMessage, RankField, SnapshotMessage, TokenMessage
from gateway.provinces import Province
from gateway.review_answers import DECISION
from gateway.review_answers import RECORDS as REVIEW
from streams.records import AlertEvent
from streams.taxonomy import Commodity


class RankedAlert(msgspec.Struct, frozen=True):
    """An alert with its urgency."""

    rank: RankField
    event: Annotated[AlertEvent, Meta(description="The newest revision.")]


class AlertsAnswer(msgspec.Struct, frozen=True):
    """``/api/alerts``."""

    epoch: Annotated[str, Meta(description="The epoch of the WebSocket at this moment.")]
    offset: Annotated[int, Meta(description="The WebSocket's offset at this moment.")]
    total: Annotated[int, Meta(description="How many alerts fit the question, before the limit.")]
    alerts: Annotated[list[RankedAlert], Meta(description="Most urgent first.")]


class AlertAnswer(msgspec.Struct, frozen=True):
    """``/api/alerts/{id}``."""

    rank: RankField
    event: Annotated[AlertEvent, Meta(description="The newest revision.")]
    revisions: Annotated[list[AlertEvent], Meta(description="Its revisions that are still in memory, oldest first.")]


class ProvincesAnswer(msgspec.Struct, frozen=True):
    """``/api/provinces``."""

    provinces: Annotated[list[Province], Meta(description="All 34, by code.")]


class CommoditiesAnswer(msgspec.Struct, frozen=True):
    """``/api/commodities``."""

    commodities: Annotated[list[Commodity], Meta(description="All nodes of the taxonomy, by code.")]


class HealthAnswer(msgspec.Struct, frozen=True):
    """``/healthz``."""

    ready: Annotated[bool, Meta(description="Whether the topic's backlog has been read.")]
    trouble: Annotated[str | None, Meta(description="What is wrong with the way from the broker; null: nothing.")]
    epoch: Annotated[str, Meta(description="Names this life of the gateway.")]
    offset: Annotated[int, Meta(description="Offset of the last event.")]
    connections: Annotated[int, Meta(description="WebSockets that are open.")]


class ErrorAnswer(msgspec.Struct, frozen=True):
    """Any refusal."""

    detail: Annotated[str, Meta(description="What was expected, what came, what to do.")]


FIELDS: Final[dict[str, dict[str, str]]] = {
    "Decision": DECISION,
    "Names": {"zh": "The Chinese name.", "en": "The English name; the Chinese one where none is known."},
    "Commodity": {
        "code": "Code in the taxonomy, two digits a level.",
        "parent": "Code of the node above; empty at the top.",
        "name_zh": "The Chinese name.",
        "name_en": "The English name.",
        "base_unit": "The unit that quantities are counted in: kg, L or pc (piece).",
        "monitored": "Whether the ministry's monitoring lists name it.",
        "emergency": "Whether it is an emergency good.",
    },
    "RegionReading": {
        "region": "6-digit code of a hit county, or 4 digits where a whole city is hit.",
        "name": "Its name in both languages.",
        "ratio": "Observed by expected in this county.",
        "since": "First sign in this county, ms since 1970 UTC.",
    },
    "Point": {
        "at": "End of the period, ms since 1970 UTC.",
        "observed": "What was seen in it.",
        "expected": "What was expected of it.",
    },
    "Contribution": {
        "commodity": "Code in the taxonomy.",
        "share": "Its part in what was seen beyond the usual, 0 to 1.",
        "ratio": "Observed by expected.",
        "name": "Its name in both languages.",
    },
    "Measured": {
        "region": "The hit region.",
        "commodity": "The hit commodity; * stands for all.",
        "measures": "What the rules were asked of, by name; a rise is a fraction: 0.3 is 30 %.",
    },
    "Explanation": {
        "cause": "festival, promotion or feed_fault.",
        "explains": "Whether it would explain what was seen.",
        "why": "Why, or why not, in both languages.",
    },
    "Evidence": {
        "observed": "As in the alert.",
        "expected": "As in the alert.",
        "low": "Nine of ten periods lie between low and high when nothing is wrong; null where it is not known.",
        "high": "See low.",
        "series": "The last window, oldest period first.",
        "first_sign": "When the deviation began, ms since 1970 UTC; 0 where it is not known.",
        "shops": "How many shops contributed. Never which.",
        "chains": "How many enterprises contributed in the place with the most, estimated; 0: not known. Never which.",
        "counties": "How many counties are hit.",
        "commodities": "The commodities by their part in it, the largest first; empty where there is only one.",
        "price_ratio": "The price beside it, by the usual one; null where it is not known.",
        "run": "Days in a row (periods, where these are longer) on which the price rose, or fell; 0: not known.",
        "stock_ratio": "The stock beside it, by the usual one; null where it is not known.",
        "false_share": "Of what was found of late and is as rare, the share expected to be false; null: not known.",
        "otherwise": "What else would explain it, and whether it does.",
        "measured": "The readings that the rules were asked of.",
    },
    "Ruling": {
        "rulebook": "Name and version of the rulebook.",
        "level": "The level that it gives.",
        "clause": "The clause that gives it.",
        "held": "All its clauses that hold.",
        "spread": "The measures of the incident as a whole in the rulebook's jurisdiction.",
    },
    "Alert": {
        "alert_id": "The same in all revisions of one incident's alert.",
        "revision": "Grows with every change of the alert.",
        "state": "open and acknowledged are live; closed (by a person or by merging) and expired have ended.",
        "kind": "panic_buying: far more is sold, of many goods or within minutes. demand_surge, demand_drop: "
        "more or less of it is sold. price_spike, price_drop: prices are far above or below the usual. stock_out: "
        "sold out (脱销). glut: stock that does not sell (滞销). supply_interruption: nothing comes in.",
        "level": "I (most serious) to IV: the gravest that a rulebook gives which holds there.",
        "commodity": "Code in the taxonomy; * where it spans many, see commodities.",
        "commodity_name": "Name of the commodity in both languages.",
        "region": "Smallest region that holds all hit counties: 6, 4 or 2 digits, 00 for the nation, * for all.",
        "region_name": "Name of that region in both languages.",
        "provinces": "2-digit codes of the provinces with hit counties.",
        "counties": "The hit counties.",
        "observed": "Base units a day (kg, L or pieces, as the taxonomy says). price_spike, price_drop: the mean price "
        "relative, 1.0 being as usual.",
        "expected": "The same measure as the seasonal baseline expects it.",
        "ratio": "Observed by expected; 0 where nothing was expected.",
        "terminals": "How many shops contributed to the evidence. Never which.",
        "onset": "When the deviation began, ms since 1970 UTC.",
        "detected": "When it was first raised, ms since 1970 UTC.",
        "updated": "The tick of this revision, ms since 1970 UTC.",
        "recurrence_days": "How often chance alone would raise this, in days between two times; at most 36,525.",
        "clause": "The clause of the rulebook that gave the level.",
        "rulebook": "Name and version of that rulebook.",
        "peak_level": "The most serious level that the alert ever had.",
        "score": "Consequence, 0 to 100: people, necessity, spread, speed and rarity.",
        "commodities": "The hit commodities, where they are several.",
        "former": "Regions that were hit and no longer are.",
        "absorbed": "Ids of alerts that were merged into this one.",
        "merged_into": "Id of the alert that this one was merged into; it is closed then.",
        "split_from": "Id of the alert that this one was a part of.",
        "rulings": "What each rulebook says that holds there, the gravest first.",
        "evidence": "What stands behind it.",
    },
    "AlertEvent": {
        "id": "Names this revision.",
        "source": "Who published it.",
        "time": "When it was published, RFC 3339 in UTC.",
        "subject": "The alert's id.",
        "data": "The alert.",
        "specversion": "Version of CloudEvents.",
        "type": "Kind of event.",
        "datacontenttype": "Media type of data.",
    },
}
"""Descriptions of the records that other packages define."""

_OUT: Final = (
    AlertsAnswer,
    AlertAnswer,
    ProvincesAnswer,
    CommoditiesAnswer,
    HealthAnswer,
    ErrorAnswer,
    HelloMessage,
    SnapshotMessage,
    EventMessage,
    PingMessage,
    TokenMessage,
    *REVIEW,
)


def schemas() -> dict[str, Any]:
    """OpenAPI component schemas of every answer and every WebSocket message, by the name of the record."""
    _, components = msgspec.json.schema_components(_OUT, ref_template="#/components/schemas/{name}")
    for record, fields in FIELDS.items():
        properties = components[record]["properties"]
        for name, description in fields.items():
            # OpenAPI 3.1 lets a description stand beside a reference.
            properties[name]["description"] = description
    return components


def reference(record: type[msgspec.Struct]) -> dict[str, Any]:
    """What FastAPI's ``responses`` takes for an answer of this record."""
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{record.__name__}"}}}}
