"""The terminal's sending end: envelopes, numbers, promises, acknowledgements, and what went wrong."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from confluent_kafka import Producer

from streams.envelope import ARROW, LINE_SCHEMA, MAX_BYTES, MAX_LINES
from streams.kafka import producer_config
from streams.records import Mapping, MappingRecord, RegistryRecord, TerminalRecord
from streams.terminal import DeliveryError, Fleet, LineTooLargeError, Terminal, Totals, publish_registry
from streams.topics import REGISTRY
from tests.streams.wire import Wire

NOW = 1_760_000_000_000


def lines(count: int, **more: pa.Array) -> pa.Table:
    """``count`` sales, one a second up to NOW."""
    columns = {
        "ts": pa.array(NOW - 1000 * np.arange(count, 0, -1)).cast(pa.timestamp("ms", "UTC")),
        "kind": pa.repeat("sale", count),
        "sku": pa.array([f"sku-{i}" for i in range(count)]),
        "qty": pa.array(np.arange(count) * 1000),
        "amount": pa.array(np.arange(count) * 250),
    }
    return pa.table({**columns, **more})


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def unreachable() -> Iterator[Producer]:
    """A producer whose broker does not answer, and whose patience is short."""
    producer = Producer(producer_config("127.0.0.1:1", **{"message.timeout.ms": 200, "log_level": 0}))
    yield producer
    producer.purge()
    producer.flush(5)


def test_lines_are_cut_into_envelopes_and_numbered_from_zero_in_each(wire: Wire) -> None:
    terminal = Terminal("t-1", wire.producer)
    assert terminal.send(lines(2 * MAX_LINES + 10), NOW) == 3
    got = [r.envelope for r in wire.received(3)]
    assert [e.lines.num_rows for e in got] == [MAX_LINES, MAX_LINES, 10]
    for envelope in got:
        assert envelope.lines.column("line").to_pylist() == list(range(envelope.lines.num_rows))
    skus = [s for e in got for s in e.lines.column("sku").to_pylist()]
    assert skus == [f"sku-{i}" for i in range(2 * MAX_LINES + 10)]


def test_seq_has_no_gaps_over_sends_and_beats_and_the_key_is_the_terminal(wire: Wire) -> None:
    terminal = Terminal("t-1", wire.producer, first_seq=41)
    terminal.send(lines(3), NOW)
    terminal.beat(NOW + 1)
    terminal.send(lines(MAX_LINES + 1), NOW + 2)
    got = wire.received(4)
    assert [r.envelope.header.seq for r in got] == [41, 42, 43, 44]
    assert {(r.key, r.content_type, r.envelope.header.terminal_id) for r in got} == {("t-1", ARROW, "t-1")}
    assert [r.envelope.lines.num_rows for r in got] == [3, 0, MAX_LINES, 1]
    assert terminal.next_seq == 45


def test_no_lines_are_no_envelope(wire: Wire) -> None:
    terminal = Terminal("t-1", wire.producer)
    assert terminal.send(lines(0), NOW) == 0
    assert terminal.next_seq == 1


def test_an_envelope_promises_nothing_that_the_next_one_of_the_same_lines_would_break(wire: Wire) -> None:
    Terminal("t-1", wire.producer).send(lines(2 * MAX_LINES + 10), NOW)
    got = [r.envelope for r in wire.received(3)]
    for earlier, later in pairwise(got):
        first = later.lines.column("ts").cast(pa.int64()).to_numpy().min()
        assert earlier.header.sent_at == first
    assert got[-1].header.sent_at == NOW


def test_an_envelope_of_long_texts_is_halved_until_it_fits(wire: Wire) -> None:
    texts = {name: pa.repeat("盐" * 256, 600) for name in ("name", "spec", "brand", "lot")}
    sent = Terminal("t-1", wire.producer).send(lines(600, **texts), NOW)
    got = wire.received(sent)
    assert sent > 1
    assert all(len(r.value) <= MAX_BYTES for r in got)
    assert [s for r in got for s in r.envelope.lines.column("sku").to_pylist()] == [f"sku-{i}" for i in range(600)]


def test_a_single_line_over_the_limit_is_refused_with_its_size(wire: Wire) -> None:
    with pytest.raises(LineTooLargeError, match=r"expected a line within 1048576 bytes, got \d{7}"):
        Terminal("t-1", wire.producer).send(lines(1, name=pa.array(["x" * MAX_BYTES])), NOW)


def test_columns_beyond_the_schema_stay_at_home_and_dictionaries_travel_as_text(wire: Wire) -> None:
    table = lines(
        2, shop=pa.array([7, 7]), name=pa.array(["盐", "糖"]).dictionary_encode(), promo=pa.array([True, False])
    )
    Terminal("t-1", wire.producer).send(table, NOW)
    record = wire.received(1)[0]
    with pa.ipc.open_stream(record.value) as reader:
        schema = reader.schema
    assert schema.names == ["line", "ts", "kind", "sku", "name", "qty", "amount", "promo"]
    assert all(schema.field(n).type == LINE_SCHEMA.field(n).type for n in schema.names)
    assert record.envelope.lines.column("name").to_pylist() == ["盐", "糖"]


def test_a_record_batch_is_sent_like_a_table(wire: Wire) -> None:
    Terminal("t-1", wire.producer).send(lines(5).to_batches()[0], NOW)
    assert wire.received(1)[0].envelope.lines.num_rows == 5


def test_lines_and_envelopes_are_counted_when_sent_and_when_acknowledged(wire: Wire) -> None:
    fleet = Fleet(wire.producer)
    fleet.terminal("t-1").send(lines(7), NOW)
    fleet.terminal("t-2").beat(NOW)
    assert fleet.totals[:2] == (7, 2)
    assert fleet.flush() == Totals(7, 2, 7, 2, 0)
    assert fleet.terminal("t-1").totals == Totals(7, 1, 7, 1, 0)


def test_a_fleet_keeps_one_terminal_an_id(wire: Wire) -> None:
    fleet = Fleet(wire.producer)
    assert fleet.totals == Totals()
    terminal = fleet.terminal("t-1", first_seq=5)
    assert fleet.terminal("t-1") is terminal
    assert terminal.next_seq == 5


def test_a_full_queue_is_waited_for() -> None:
    wire = Wire(**{"queue.buffering.max.messages": 3})
    fleet = Fleet(wire.producer)
    for i in range(50):
        fleet.terminal("t-1").beat(NOW + i)
    assert fleet.flush().envelopes_acked == 50
    assert [r.envelope.header.seq for r in wire.received(50)] == list(range(1, 51))


def test_an_envelope_that_the_broker_never_took_is_named(unreachable: Producer) -> None:
    fleet = Fleet(unreachable)
    fleet.terminal("t-1", first_seq=9).send(lines(4), NOW)
    with pytest.raises(DeliveryError, match=r"1 failed; the first: terminal t-1, seq 9"):
        fleet.flush(10)
    assert [(u.terminal_id, u.seq, u.lines) for u in fleet.failed] == [("t-1", 9, 4)]
    assert fleet.totals == Totals(4, 1, 0, 0, 1)


def test_a_flush_that_runs_out_of_time_says_so(unreachable: Producer) -> None:
    fleet = Fleet(unreachable)
    fleet.terminal("t-1").beat(NOW)
    with pytest.raises(DeliveryError, match="not acknowledged after 0 s"):
        fleet.flush(0)


def test_the_registry_is_written_by_key_with_a_thousand_mappings_a_record(wire: Wire) -> None:
    goods = [Mapping(f"sku-{i}", "1001", unit="袋", content=400) for i in range(2_001)]
    shops = [TerminalRecord("t-1", "e-1", "330602"), TerminalRecord("t-2", "e-1", "330603", "wholesale")]
    assert publish_registry(wire.bootstrap, shops, {"e-1": goods}) == 5
    got = {m.key(): msgspec.json.decode(m.value() or b"", type=RegistryRecord) for m in wire.records(5, REGISTRY)}
    assert got == {
        b"mapping/e-1/0": MappingRecord("e-1", goods[:1000]),
        b"mapping/e-1/1": MappingRecord("e-1", goods[1000:2000]),
        b"mapping/e-1/2": MappingRecord("e-1", goods[2000:]),
        b"terminal/t-1": shops[0],
        b"terminal/t-2": shops[1],
    }


def test_a_registry_that_is_not_acknowledged_is_an_error() -> None:
    with pytest.raises(DeliveryError, match="registry: 1 of 1 records not acknowledged"):
        publish_registry("127.0.0.1:1", [TerminalRecord("t-1", "e-1", "330602")], {}, timeout=0.1)
