import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.blocks import MAX_BYTES, Block, Buffer, Piece, fill, split
from sinks.ledger import LedgerError, Position
from sinks.reading import UnreadableError
from sinks.rows import read_alert, read_clean, read_rejected, read_signal, unreadable_row
from sinks.schema import LINE_TABLES
from streams.reasons import Reason
from streams.records import encode
from streams.topics import ALERTS, CLEAN, REJECTED, SIGNALS
from tests.sinks import market

ROWS, SECONDS = 100, 1.0


def piece(offset: int, envelopes: int = 1, raw: int = 0, *, at: float = 0.0, size: int = 10) -> Piece:
    return Piece(offset, market.lines(envelopes, 10, offset=raw), size, at)


def buffer(position: Position | None = None) -> Buffer:
    return Buffer(CLEAN, "id", 0, position or Position(0))


def filled(pieces: list[Piece], topic: str = CLEAN, high: dict[str, int] | None = None) -> dict[str, pa.Table]:
    return fill(Block(topic, "id", 0, 0, len(pieces), tuple(pieces), high or {})).tables


def lines_of(block: Block) -> list[pa.Table]:
    return [rows for name, rows in fill(block).tables.items() if name in LINE_TABLES]


def drain(buffer: Buffer, rows: int) -> list[Block]:
    blocks = []
    while buffer.is_due(1e9, rows, SECONDS):
        block = buffer.cut(rows)
        buffer.close(block, fill(block).high)
        blocks.append(block)
    return blocks


def test_a_token_names_topic_its_id_partition_range_and_table() -> None:
    block = Block(CLEAN, "uuid", 3, 10, 19, (), {})
    assert block.token("sales") == "pos.clean@uuid:3:10-19/sales"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.integers(1, 200))
def test_blocks_follow_each_other_without_a_gap_and_take_every_message_once(sizes: list[int], rows: int) -> None:
    taken = buffer()
    for offset, size in enumerate(sizes):
        taken.take(Piece(offset, market.lines(size, 1), 1, 0.0))
    blocks = drain(taken, rows)
    assert [p.offset for b in blocks for p in b.pieces] == list(range(len(sizes)))
    assert [b.first for b in blocks] == [0, *(b.last + 1 for b in blocks[:-1])]
    assert blocks[-1].last == len(sizes) - 1
    assert (taken.rows, taken.size) == (0, 0)
    for block in blocks[:-1]:
        assert sum(p.rows.num_rows for p in block.pieces) >= rows > sum(p.rows.num_rows for p in block.pieces[:-1])


@given(st.data())
@settings(max_examples=60)
def test_a_row_is_stored_once_however_often_normalize_starts_again(data: st.DataObject) -> None:
    envelopes = data.draw(st.integers(1, 25), "envelopes")
    sent: list[tuple[int, int]] = []
    done = 0
    while done < envelopes:
        back = data.draw(st.integers(0, done), "starts again at") if data.draw(st.booleans()) else done
        done = data.draw(st.integers(max(back + 1, 1), envelopes), "sends to")
        sent.append((back, done))
    whole = market.lines(envelopes, 10)
    taken = buffer()
    for offset, (first, end) in enumerate(sent):
        taken.take(Piece(offset, whole.slice(first * 10, (end - first) * 10), 1, 0.0))
    reached = max(end for _, end in sent)
    blocks = drain(taken, data.draw(st.integers(1, 80), "block rows"))
    tables = [t.select(["raw_offset", "line"]) for b in blocks for t in lines_of(b)]
    found = pa.concat_tables(tables).sort_by([("raw_offset", "ascending"), ("line", "ascending")])
    assert found.equals(whole.slice(0, reached * 10).select(["raw_offset", "line"]).combine_chunks())


def test_the_same_block_gives_the_same_rows() -> None:
    pieces = [piece(0, 3, 0), piece(1, 3, 2), piece(2, 1, 5)]
    first, second = filled(pieces), filled(pieces)
    assert first.keys() == second.keys() == {"sales", "prices", "stock", "envelopes"}
    assert all(first[name].equals(second[name]) for name in first)


def test_rows_at_or_below_the_high_water_of_their_partition_are_dropped() -> None:
    block = Block(CLEAN, "id", 0, 0, 0, (piece(0, 4, 0),), {"0": 1, "1": 99})
    result = fill(block)
    kept = pa.concat_tables(t.select(["raw_offset"]) for t in lines_of(block))
    assert set(kept["raw_offset"].to_pylist()) == {2, 3}
    assert result.repeats == 20
    assert result.high == {"0": 3, "1": 99}
    assert block.high == {"0": 1, "1": 99}


def test_a_block_is_due_by_rows_by_bytes_or_by_age() -> None:
    by_rows, by_bytes, by_age = buffer(), buffer(), buffer()
    by_rows.take(piece(0, 9))
    by_bytes.take(piece(0, size=MAX_BYTES - 1))
    by_age.take(piece(0, at=5.0))
    assert not any(b.is_due(5.9, ROWS, SECONDS) for b in (by_age,))
    assert not by_rows.is_due(0.0, ROWS, SECONDS)
    assert not by_bytes.is_due(0.0, ROWS, SECONDS)
    by_rows.take(piece(1))
    by_bytes.take(piece(1, size=1))
    assert by_rows.is_due(0.0, ROWS, SECONDS)
    assert by_bytes.is_due(0.0, ROWS, SECONDS)
    assert by_age.is_due(6.0, ROWS, SECONDS)


def test_no_block_is_cut_while_one_is_under_way() -> None:
    taken = buffer()
    taken.take(piece(0))
    block = taken.cut(ROWS)
    taken.take(piece(1))
    assert not taken.is_due(1e9, 1, SECONDS)
    with pytest.raises(ValueError, match="out of order"):
        taken.cut(ROWS)
    taken.close(block, {})
    assert taken.is_due(1e9, 1, SECONDS)


def test_only_the_block_that_was_cut_can_be_closed() -> None:
    taken = buffer()
    taken.take(piece(0))
    taken.cut(ROWS)
    with pytest.raises(ValueError, match="cut last"):
        taken.close(Block(CLEAN, "id", 0, 0, 0, (), {}), {})


def test_a_begun_block_is_built_again_exactly_whatever_the_limits_are_now() -> None:
    again = buffer(Position(10, 14, {"0": 3}))
    for offset in range(10, 14):
        again.take(piece(offset, 50, 4 + 50 * (offset - 10)))
    assert not again.is_due(1e9, 1, SECONDS)
    again.take(piece(14, 1, 300))
    again.take(piece(15, 1, 301))
    assert again.is_due(0.0, 10**9, 1e9)
    block = again.cut(1)
    assert (block.first, block.last, block.high) == (10, 14, {"0": 3})
    assert [p.offset for p in block.pieces] == [10, 11, 12, 13, 14]
    again.close(block, {"0": 300})
    assert again.cut(1).first == 15


def test_a_begun_block_whose_last_messages_were_compacted_away_is_complete_at_the_end_of_the_log() -> None:
    again = Buffer(ALERTS, "id", 0, Position(10, 14))
    again.take(Piece(11, read_alert(encode(market.alert()), 0), 1, 0.0))
    again.reach(14)
    assert not again.is_due(1e9, 1, SECONDS)
    again.reach(15)
    assert again.is_due(0.0, ROWS, 1e9)
    assert again.cut(ROWS).last == 14


def test_a_begun_block_is_complete_when_a_message_beyond_it_comes() -> None:
    again = buffer(Position(10, 14))
    again.take(piece(20))
    assert again.is_due(0.0, ROWS, 1e9)
    assert again.cut(ROWS).pieces == ()


def test_messages_that_were_deleted_unread_are_passed_by_an_empty_block() -> None:
    for position in (Position(), Position(3)):
        taken = buffer(position)
        assert not taken.is_due(1e9, ROWS, SECONDS)
        taken.reach(8)
        assert taken.is_due(0.0, ROWS, SECONDS)
        block = taken.cut(ROWS)
        assert (block.last, block.pieces) == (7, ())
        assert fill(block).tables == {}
        taken.close(block, {})
        assert not taken.is_due(1e9, ROWS, SECONDS)


def test_an_empty_topic_is_left_alone() -> None:
    taken = buffer(Position())
    taken.reach(0)
    assert not taken.is_due(1e9, ROWS, SECONDS)


def test_missing_offsets_are_counted() -> None:
    taken = buffer(Position(5))
    assert taken.take(piece(9)) == 4
    assert taken.take(piece(10)) == 0
    assert buffer(Position()).take(piece(9)) == 0


def test_a_log_that_goes_back_behind_what_is_written_stops_the_writer() -> None:
    with pytest.raises(LedgerError, match="cut short"):
        buffer(Position(100)).take(piece(7))


def test_every_line_goes_into_exactly_one_table_with_its_columns() -> None:
    lines = market.lines(20, 50)
    tables = split(lines)
    kinds = lines["kind"].cast(pa.string()).to_pylist()
    assert tables["sales"].num_rows == kinds.count("sale") + kinds.count("return")
    assert tables["prices"].num_rows == kinds.count("price")
    assert tables["stock"].num_rows == kinds.count("stock")
    assert {name: tuple(t.column_names) for name, t in tables.items()} == LINE_TABLES


def test_refusals_of_envelopes_and_of_lines_each_keep_their_own_order() -> None:
    """Normalize refuses a whole envelope at once, but the lines of an earlier one only when it works on them."""
    records = [
        market.refusal(0, 7, whole=True),
        market.refusal(0, 5),
        market.refusal(0, 6),
        market.refusal(0, 7, whole=True),
        market.refusal(0, 6),
    ]
    pieces = [Piece(i, read_rejected(encode(r), 0), 1, 0.0) for i, r in enumerate(records)]
    table = filled(pieces, REJECTED)["rejected"]
    assert pc.sum(table["envelopes"]).as_py() == 1
    assert pc.sum(table["lines"]).as_py() == 4
    assert table["raw_offset"].to_pylist() == [7, 5, 5, 6, 6]


def test_a_message_that_cannot_be_read_is_a_row_of_rejected_and_the_rest_is_kept() -> None:
    with pytest.raises(UnreadableError) as caught:
        read_clean(b"junk", 0)
    bad = Piece(1, unreadable_row(CLEAN, 0, 1, market.MONTH_END, caught.value), 4, 0.0, unreadable=True)
    tables = filled([piece(0, 3, 0), bad, piece(2, 3, 3)])
    assert sum(t.num_rows for name, t in tables.items() if name in LINE_TABLES) == 60
    row = tables["rejected"].to_pylist()[0]
    assert (row["source"], row["raw_offset"], row["reason"]) == (CLEAN, 1, Reason.UNREADABLE)
    both = filled([Piece(0, read_rejected(encode(market.refusal(0, 0)), 0), 1, 0.0), bad], REJECTED)
    assert both["rejected"].num_rows == 3


def test_signals_and_alerts_go_into_their_tables() -> None:
    signals = [Piece(0, read_signal(encode(market.signal()), 0), 1, 0.0)]
    alerts = [Piece(n, read_alert(encode(market.alert(n)), 0), 1, 0.0) for n in (1, 2)]
    assert filled(signals, SIGNALS)["signals"].num_rows == 1
    assert filled(alerts, ALERTS)["alerts"]["revision"].to_pylist() == [1, 2]
