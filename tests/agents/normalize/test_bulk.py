"""Many envelopes at once give what they give one by one, to the last integer."""

import random
from typing import Any

import pytest

from agents.normalize.stage import NormalizeStage
from agents.stage import Incoming, Outgoing
from streams.envelope import MAX_INT
from streams.records import Mapping, MappingRecord, TerminalRecord, encode
from tests.agents.till import NOW, cells, clean, home, metadata, record, registry, rejected, stage

UNITS = {"SALT": "袋", "PORK": "kg", "OIL": "桶"}


def shops() -> NormalizeStage:
    known = registry(())
    for i in range(6):
        known.apply(encode(TerminalRecord(f"T-{i}", "E-1", ("330602", "330603", "110105")[i % 3], "wholesale")))
    return stage(known)


def feed(rng: random.Random) -> list[Incoming]:
    """A month's mixture: kinds, promotions, late and bad lines, texts that come and go, shops that send at will."""
    out = []
    seqs = dict.fromkeys(range(6), 0)
    for i in range(120):
        shop = rng.randrange(6)
        seqs[shop] += 1
        rows: list[dict[str, Any]] = []
        for _ in range(rng.randrange(12)):
            sku = rng.choice(list(UNITS))
            row: dict[str, Any] = {
                "sku": sku,
                "unit": UNITS[sku],
                "kind": rng.choice(["sale"] * 8 + ["return", "price", "stock"]),
                "qty": rng.randrange(-1, 4000),
                "amount": rng.randrange(1, 900),
                "ts": NOW + i * 20_000 - rng.choice((0, 90_000, 4_000_000)),
            }
            for name, texts in (("brand", ("", "b")), ("channel", ("", "e_commerce")), ("lot", ("1", "2"))):
                if rng.random() < 0.2:
                    row[name] = rng.choice(texts)
            if rng.random() < 0.3:
                row["promo"] = rng.random() < 0.5
            rows.append(row)
        sent_at = NOW + i * 20_000
        out.append(record(i, seqs[shop], *rows, terminal=f"T-{shop}", sent_at=sent_at, timestamp=sent_at))
    return out


def sent(records: list[Incoming], drain_after: set[int]) -> list[Outgoing]:
    s, out = stage(), list[Outgoing]()
    for i, one in enumerate(records):
        s.apply(one)
        if i in drain_after:
            out += s.drain()
            s.dirty()
    return out + s.drain()


def rows(table: Any) -> list[dict[str, Any]]:
    keys = ("raw_partition", "raw_offset", "line", "code", "tick")
    return sorted(table.to_pylist(), key=lambda row: [row.get(k, 0) for k in keys])


@pytest.mark.parametrize("seed", range(4))
def test_the_result_does_not_depend_on_how_envelopes_were_bulked(seed: int) -> None:
    rng = random.Random(seed)
    records = feed(rng)
    singly, together = sent(records, set(range(len(records)))), sent(records, set(rng.sample(range(120), 3)))
    assert rows(clean(together)) == rows(clean(singly))
    assert rows(cells(together)) == rows(cells(singly))
    refused = [sorted(rejected(part), key=lambda r: (r.raw_partition, r.raw_offset)) for part in (together, singly)]
    assert refused[0] == refused[1]


def test_the_rows_of_a_cells_message_are_of_its_city_and_partition_by_rising_offset() -> None:
    out = sent(feed(random.Random(9)), set())
    for city in ("3306", "1101"):
        mine = [o for o in out if o.key == city.encode()]
        assert len(mine) == len(metadata(out, city))
        for message in mine:
            table = cells([message]).to_pylist()
            assert {row["county"][:4] for row in table} == {city}
            assert len({row["raw_partition"] for row in table}) == 1
            offsets = [row["raw_offset"] for row in table]
            assert offsets == sorted(offsets)


def test_sums_of_a_cell_are_exact_beyond_what_a_float_holds() -> None:
    s = shops()
    s.apply(record(0, 1, *[{"qty": 1, "amount": MAX_INT - i} for i in range(1, 2_000, 2)], terminal="T-0"))
    s.apply(record(1, 2, *[{"qty": 1, "amount": MAX_INT - 1}] * 2_000, terminal="T-0"))
    got = [row["amount"] for row in cells(s.drain()).to_pylist()]
    assert got == [sum(MAX_INT - i for i in range(1, 2_000, 2)), (MAX_INT - 1) * 2_000]


def test_an_envelope_of_bad_lines_alone_is_refused_line_by_line_and_counts_as_taken() -> None:
    s = shops()
    s.apply(record(0, 1, {"qty": -1}, {"amount": -1}, terminal="T-0"))
    out = s.drain()
    assert clean(out).num_rows == cells(out).num_rows == 0
    (refused,) = rejected(out)
    assert (refused.seq, len(refused.lines), refused.whole) == (1, 2, False)
    s.apply(record(1, 1, {}, terminal="T-0"))
    assert clean(s.drain()).num_rows == 0


def test_each_partition_gets_its_own_lines_in_one_message_with_the_texts_that_it_uses() -> None:
    known = registry([f"T-{i}" for i in range(12)])
    known.apply(encode(MappingRecord("E-1", [Mapping(f"S{i}", "0301", "kg") for i in range(240)])))
    s = stage(known)
    for i in range(12):
        s.apply(record(i, 1, *[{"sku": f"S{i * 20 + k}", "unit": "kg"} for k in range(20)], terminal=f"T-{i}"))
    out = [o for o in s.drain() if o.topic == "pos.clean"]
    assert sorted(o.partition or 0 for o in out) == sorted({home(f"T-{i}") for i in range(12)})
    for message in out:
        table = clean([message])
        assert {home(t) for t in table["terminal_id"].to_pylist()} == {message.partition}
        assert len(table["sku"].chunk(0).dictionary) == table.num_rows
