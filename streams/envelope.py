"""The envelope: the unit of work on the wire. One schema, one place.

A terminal sends at most ``MAX_LINES`` lines at a time. ``(terminal_id, seq)`` names an envelope for ever, ``line`` a
line in it; ``seq`` starts at 1 and grows by one with no gaps.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
import pyarrow as pa

VERSION: Final = 1
MAX_LINES: Final = 2_000
MAX_BYTES: Final = 1 << 20
MAX_TEXT: Final = 256
MAX_AHEAD_MS: Final = 24 * 3_600_000
MAX_INT: Final = 1 << 40
"""Largest amount (11 billion yuan) or quantity of a line: so the totals of an envelope cannot overflow an Int64."""

ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"
CONTENT_TYPE: Final = "content-type"

KINDS: Final = ("sale", "return", "price", "stock")
SALE, RETURN, PRICE, STOCK = range(4)
CHANNELS: Final = ("", "supermarket", "farmers_market", "wholesale", "e_commerce")

LINE_SCHEMA: Final = pa.schema(
    [
        pa.field("line", pa.uint16(), nullable=False),
        pa.field("ts", pa.timestamp("ms", "UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("sku", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("spec", pa.string()),
        pa.field("unit", pa.string()),
        pa.field("qty", pa.int64(), nullable=False),
        pa.field("amount", pa.int64(), nullable=False),
        pa.field("promo", pa.bool_()),
        pa.field("brand", pa.string()),
        pa.field("origin", pa.string()),
        pa.field("lot", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("barcode", pa.string()),
        pa.field("category", pa.string()),
        pa.field("tax_code", pa.string()),
    ]
)
"""Columns of a line. ``qty`` in thousandths of ``unit``, ``amount`` in fen: for a sale or return the total paid, for a
price the price of one unit; for stock it is 0. ``barcode`` (where ``sku`` is the enterprise's own), ``category``
(its own category path, as ``食品/粮油/大米``) and ``tax_code`` (19 digits) say what an article is, until the SKU is
known. Text columns may be dictionary-encoded on the wire."""

REQUIRED: Final = tuple(f.name for f in LINE_SCHEMA if not f.nullable)
TEXTS: Final = tuple(f.name for f in LINE_SCHEMA if pa.types.is_string(f.type))


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands once an envelope: in Arrow in the schema's metadata, in JSON beside ``lines``."""

    version: int
    terminal_id: str
    seq: int
    sent_at: int
    """The terminal's clock at sending, ms UTC. It promises that no earlier sale will follow but by correction."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A header and its lines as columns of ``LINE_SCHEMA`` (text columns plain strings, nulls in optional ones)."""

    header: Header
    lines: pa.RecordBatch
