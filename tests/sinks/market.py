"""Clean lines, refusals, signals and alerts as the stages before the writer send them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import Producer

from streams.columns import CLEAN_SCHEMA, to_bytes
from streams.kafka import producer_config
from streams.reasons import Finding, Reason
from streams.records import (
    Alert,
    AlertEvent,
    Decision,
    Names,
    RegionReading,
    Rejected,
    Signal,
    SkuRecord,
    SkuSightings,
    UnitReading,
    Verdict,
)

MONTH_END = 1_759_276_800_000
"""2025-10-01 00:00 UTC, ms."""
HOUR = 3_600_000
COUNTIES = ("330602", "330604", "330108", "310115")
CODES = ("1001", "0301", "010101", "0401")


def lines(
    envelopes: int,
    each: int = 100,
    *,
    partition: int = 0,
    offset: int = 0,
    around: int = MONTH_END,
    kinds: Sequence[str] = ("sale", "sale", "sale", "sale", "return", "price", "stock"),
    seed: int = 0,
) -> pa.Table:
    """``envelopes`` of ``each`` lines from raw ``offset`` on, within 30 h of ``around``, columns of CLEAN_SCHEMA."""
    rng = np.random.default_rng((seed, partition, offset))
    n = envelopes * each
    kind = rng.integers(0, len(kinds), n)
    sign = np.where(np.array(kinds)[kind] == "return", -1, 1)
    stock = np.array(kinds)[kind] == "stock"
    ts = around + rng.integers(-30 * HOUR, 30 * HOUR, n)
    of = np.repeat(np.arange(envelopes), each)
    sent = np.repeat(ts.reshape(envelopes, each).max(axis=1, initial=0), each)
    columns: dict[str, pa.Array] = {
        "terminal_id": _tag([f"T-{partition}-{i % 7}" for i in range(envelopes)], of),
        "seq": pa.array(offset + of + 1),
        "line": pa.array(np.tile(np.arange(each), envelopes), pa.uint16()),
        "raw_partition": pa.array(np.full(n, partition, np.int32)),
        "raw_offset": pa.array(offset + of),
        "ts": pa.array(ts, pa.timestamp("ms", "UTC")),
        "sent_at": pa.array(sent + 5_000, pa.timestamp("ms", "UTC")),
        "kind": _tag(kinds, kind),
        "enterprise": _tag(["E-1", "E-2"], rng.integers(0, 2, n)),
        "county": _tag(COUNTIES, rng.integers(0, len(COUNTIES), n)),
        "channel": _tag(["supermarket", "wholesale"], rng.integers(0, 2, n)),
        "sku": _tag([f"69012345{i:05d}" for i in range(50)], sku := rng.integers(0, 50, n)),
        "name": _tag([f"商品 {i}" for i in range(50)], sku),
        "code": _tag(CODES, sku % len(CODES)),
        "confidence": pa.array(np.ones(n, np.float32)),
        "qty": pa.array(sign * rng.integers(1, 9_000, n)),
        "amount": pa.array(np.where(stock, 0, sign * rng.integers(1, 99_999, n))),
        "base_qty": pa.array(sign * rng.integers(0, 9_000, n)),
        "unit_price": pa.array(rng.integers(0, 999_999, n)),
        "promo": pa.array(rng.random(n) < 0.1),
        "quality": pa.array(rng.integers(0, 64, n), pa.uint16()),
    }
    constant = {"unit": "kg", "brand": "", "origin": "CN", "lot": "", "method": "registry"}
    columns |= {name: _tag([value], np.zeros(n, np.int64)) for name, value in constant.items()}
    return pa.table([columns[f.name] for f in CLEAN_SCHEMA], schema=CLEAN_SCHEMA)


def _tag(values: Sequence[str], of: npt.NDArray[np.int64]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(of.astype(np.int32)), pa.array(list(values), pa.string()))


@dataclass(frozen=True)
class Sums:
    """What must be the same in what was sent, in the lines and in the rollup."""

    lines: int
    qty: int
    base_qty: int
    amount: int


def sums_of(tables: Iterable[pa.Table]) -> Sums:
    """Sums over sales and returns."""
    table = pa.concat_tables(tables)
    mask = np.isin(np.array(table["kind"].cast(pa.string()).to_pylist()), ("sale", "return"))
    qty, base_qty, amount = (
        int(np.asarray(table[name].to_numpy())[mask].sum()) for name in ("qty", "base_qty", "amount")
    )
    return Sums(int(mask.sum()), qty, base_qty, amount)


def refusal(partition: int, offset: int, *, whole: bool = False, refused: int = 2) -> Rejected:
    """A refused envelope, or one with ``refused`` refused lines."""
    if whole:
        finding = Finding(Reason.UNREADABLE, "value", "an Arrow stream", "junk")
        return Rejected(partition, offset, MONTH_END, [finding], "T-1", None, whole=True, payload=b"junk")
    findings = [Finding(Reason.NEGATIVE, "amount", "at least 0", "-5", line) for line in range(refused)]
    rows = [{"line": line, "amount": -5} for line in range(refused)]
    return Rejected(partition, offset, MONTH_END, findings, "T-1", offset + 1, lines=rows)


def signal(tick: int = MONTH_END, *, over: bool = False) -> Signal:
    """Salt in Shaoxing, seen in one county and in the city."""
    readings = [
        UnitReading("330602", 1e-9, 5e6, 1e6, tick - HOUR, 12),
        UnitReading("3306", 1e-6, 7e6, 3e6, tick - HOUR, 40),
    ]
    return Signal("3306", "1001", "panic_buying", tick, 900_000, 96.0, [] if over else readings)


def alert(revision: int = 1) -> AlertEvent:
    """A revision of one alert."""
    data = Alert(
        alert_id="a-1",
        revision=revision,
        state="open",
        kind="panic_buying",
        level="IV",
        commodity="1001",
        commodity_name=Names("食盐", "Salt"),
        region="330602",
        region_name=Names("越城区", "Yuecheng"),
        provinces=["33"],
        counties=[RegionReading("330602", Names("越城区", "Yuecheng"), 5.0, MONTH_END)],
        observed=5e6,
        expected=1e6,
        ratio=5.0,
        terminals=12,
        onset=MONTH_END,
        detected=MONTH_END + HOUR,
        updated=MONTH_END + revision * HOUR,
        recurrence_days=400.0,
        clause="area: one county",
        rulebook="national",
        peak_level="IV",
    )
    return AlertEvent(f"a-1/{revision}", "infopump", "2025-10-01T01:00:00Z", "a-1", data)


def decision(
    enterprise: str, sku: str, code: str, *, verdict: Verdict = "corrected", at: int = MONTH_END, content: int = 0
) -> Decision:
    """What Li said of an article at ``at``."""
    return Decision(
        f"{enterprise}/{sku}/{at}",
        enterprise,
        sku,
        verdict,
        "Li",
        at,
        code=code,
        content=content,
        note="seen in the shop",
    )


def sightings(*skus: SkuRecord, at: int = MONTH_END, offset: int = 0) -> SkuSightings:
    """Articles as normalize describes them."""
    return SkuSightings(0, offset, at, list(skus))


def article(
    enterprise: str, sku: str, code: str, *, method: str = "name", unit: str = "kg", per_unit: int = 0
) -> SkuRecord:
    """One article as normalize describes it."""
    return SkuRecord(
        enterprise,
        sku,
        unit,
        code,
        method,
        0.9,
        MONTH_END,
        name=f"商品 {sku}",
        reasons=["the head noun"],
        per_unit=per_unit,
    )


def send(bootstrap: str, messages: Iterable[tuple[str, int, bytes | None]]) -> None:
    """Send (topic, partition, value) in order and wait until the broker has them."""
    producer = Producer(producer_config(bootstrap))
    for topic, partition, value in messages:
        producer.produce(topic, value, key=b"k", partition=partition)
    if left := producer.flush(30):
        raise AssertionError(f"{left} messages were not taken by the broker")


def clean_message(table: pa.Table) -> bytes:
    """The value of a ``pos.clean`` message."""
    return to_bytes(table.combine_chunks())
