from contextlib import suppress

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks import rows
from sinks.articles import DECISIONS, ENTERPRISES, SKUS, TERMINALS, read_registry, read_skus
from sinks.blocks import Block, Piece, fill
from sinks.reading import UnreadableError
from sinks.rows import ALERTS, READERS, REJECTED, SIGNALS
from sinks.schema import LINE_TABLES
from sinks.tags import tidy
from streams.columns import CLEAN_SCHEMA, to_bytes
from streams.reasons import Reason
from streams.records import AlertCommand, EnterpriseRecord, Mapping, MappingRecord, TerminalRecord, encode
from streams.topics import CLEAN
from tests.sinks import market

GOOD = market.clean_message(market.lines(3, 20))
RECORDS = [market.refusal(0, 1), market.refusal(0, 2, whole=True), market.signal(), market.alert()]
RECORDS += [AlertCommand("c", "a-1", "comment", "Li", 7), TerminalRecord("T", "E-1", "330602"), EnterpriseRecord("E-1")]
RECORDS += [market.decision("E-1", "S", "0301"), market.sightings(market.article("E-1", "S", "0301"))]


def test_clean_lines_come_as_they_were_sent() -> None:
    lines = market.lines(3, 20)
    assert rows.read_clean(market.clean_message(lines), 0).equals(lines)


def test_a_clean_message_of_another_raw_partition_is_refused_as_our_own_fault() -> None:
    with pytest.raises(UnreadableError) as caught:
        rows.read_clean(GOOD, 1)
    assert caught.value.reason is Reason.INTERNAL


def test_a_clean_message_with_an_unknown_kind_is_refused() -> None:
    lines = market.lines(1, 5, kinds=["sale", "gift"])
    with pytest.raises(UnreadableError, match="gift"):
        rows.read_clean(market.clean_message(lines), 0)


def test_a_clean_message_with_a_missing_value_is_refused() -> None:
    lines = market.lines(1, 5)
    gap = pa.array([1, 2, None, 4, 5], pa.int64())
    table = lines.set_column(lines.schema.get_field_index("qty"), lines.schema.field("qty"), gap)
    with pytest.raises(UnreadableError, match="qty"):
        rows.read_clean(to_bytes(table), 0)


def test_an_empty_clean_message_has_no_rows() -> None:
    assert rows.read_clean(to_bytes(CLEAN_SCHEMA.empty_table()), 3).num_rows == 0


def test_columns_of_another_schema_are_refused() -> None:
    with pytest.raises(UnreadableError):
        rows.read_clean(to_bytes(pa.table({"a": [1]})), 0)


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=200))
def test_no_bytes_whatsoever_break_a_reader(topic: str, value: bytes) -> None:
    with suppress(UnreadableError):
        READERS[topic](value, 0)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=300)
def test_no_damage_to_a_clean_message_breaks_its_reader_or_what_is_done_with_its_rows(
    damage: list[tuple[int, int]],
) -> None:
    value = bytearray(GOOD)
    for at, byte in damage:
        value[at] = byte
    try:
        table = rows.read_clean(bytes(value), 0)
    except UnreadableError:
        return
    filled = fill(Block(CLEAN, "id", 0, 0, 0, (Piece(0, table, 1, 0.0),), {}))
    rows_in = {name: tidy(part).num_rows for name, part in filled.tables.items()}
    assert sum(rows_in.get(name, 0) for name in LINE_TABLES) + filled.repeats == table.num_rows


@given(st.data())
def test_no_damage_to_a_record_breaks_its_reader(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(RECORDS))
    tree = msgspec.json.decode(encode(record))
    key = data.draw(st.sampled_from(sorted(tree)))
    tree[key] = data.draw(st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers()) | st.just({}))
    for reader in READERS.values():
        with suppress(UnreadableError):
            reader(msgspec.json.encode(tree), 0)


def test_a_refused_envelope_counts_once_and_its_refused_lines_not() -> None:
    table = rows.read_rejected(encode(market.refusal(2, 9, whole=True)), 0)
    assert table.schema == REJECTED
    assert table.num_rows == 1
    row = table.to_pylist()[0]
    assert (row["raw_partition"], row["raw_offset"], row["envelopes"], row["lines"]) == (2, 9, 1, 0)
    assert (row["reason"], row["seq"]) == ("unreadable", None)


def test_refused_lines_count_once_however_many_findings_they_have() -> None:
    record = market.refusal(0, 9, refused=3)
    doubled = msgspec.structs.replace(record, findings=record.findings * 2)
    table = rows.read_rejected(encode(doubled), 0)
    assert table.num_rows == 6
    assert pc.sum(table["lines"]).as_py() == 3
    assert pc.sum(table["envelopes"]).as_py() == 0


def test_a_refusal_without_a_finding_still_has_a_row() -> None:
    record = msgspec.structs.replace(market.refusal(0, 9), findings=[])
    assert rows.read_rejected(encode(record), 0)["reason"].to_pylist() == ["internal"]


def test_a_signal_shows_its_least_likely_reading() -> None:
    row = rows.read_signal(encode(market.signal()), 0)
    assert row.schema == SIGNALS
    assert row.select(["region", "p", "readings"]).to_pylist() == [{"region": "330602", "p": 1e-9, "readings": 2}]


def test_a_signal_without_readings_says_that_it_is_over() -> None:
    row = rows.read_signal(encode(market.signal(over=True)), 0)
    assert row.select(["region", "p", "readings"]).to_pylist() == [{"region": "3306", "p": 1.0, "readings": 0}]


def test_an_alert_keeps_its_columns_and_the_whole_event() -> None:
    event = market.alert(2)
    table = rows.read_alert(encode(event), 0)
    assert table.schema == ALERTS
    row = table.to_pylist()[0]
    assert (row["alert_id"], row["revision"], row["level"], row["counties"]) == ("a-1", 2, "IV", ["330602"])
    assert row["commodity_zh"] == "食盐"
    assert row["published"].isoformat() == "2025-10-01T01:00:00+00:00"
    assert msgspec.json.decode(row["data"]) == msgspec.to_builtins(event)


def test_the_tombstone_of_an_alert_has_no_row() -> None:
    assert rows.read_alert(b"", 0).num_rows == 0


def test_an_article_keeps_its_reasons_and_when_it_was_described() -> None:
    said = market.sightings(market.article("E-1", "S", "0301", per_unit=500), at=7, offset=3)
    table = read_skus(encode(said), 0)
    assert table.schema == SKUS
    row = table.to_pylist()[0]
    assert (row["sku"], row["code"], row["reasons"], row["per_unit"]) == ("S", "0301", ["the head noun"], 500)
    assert (row["described_at"].timestamp(), row["raw_offset"]) == (0.007, 3)


def test_a_decision_is_a_row_and_mappings_are_not() -> None:
    verdict = market.decision("E-1", "S", "0301", content=500)
    table = read_registry(encode(verdict), 0)
    assert table.schema == DECISIONS
    row = table.to_pylist()[0] | {"at": verdict.at}
    assert row == msgspec.structs.asdict(verdict)
    assert read_registry(encode(MappingRecord("E-1", [Mapping("S", "0301")])), 0).num_rows == 0
    assert read_registry(b"", 0).num_rows == 0


def test_a_terminal_and_an_enterprise_are_rows_of_their_own_tables() -> None:
    terminal = read_registry(encode(TerminalRecord("T", "E-1", "330602", valid_from=7)), 0)
    assert terminal.schema == TERMINALS
    assert terminal["valid_from"][0].as_py().timestamp() == 0.007
    enterprise = read_registry(encode(EnterpriseRecord("E-1", name="一号")), 0)
    assert enterprise.schema == ENTERPRISES
    assert enterprise.select(["name", "holding"]).to_pylist() == [{"name": "一号", "holding": "E-1"}]


def test_corrections_of_a_job_without_a_number_are_refused() -> None:
    table = market.lines(1, 5).replace_schema_metadata({"recode_job": "yesterday"})
    with pytest.raises(UnreadableError):
        rows.read_clean(to_bytes(table.combine_chunks()), 0)
