import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from agents.journal import Journal
from agents.keyed import Keyed
from agents.mappings import Mappings
from agents.registry import Registry, RegistryReader
from streams.kafka import producer_config
from streams.records import SPLIT, EnterpriseRecord, Mapping, TerminalRecord, encode
from streams.topics import REGISTRY
from tests.agents.identify.goods import WEIGHT, checked, decided, mapped, registry, tell
from tests.waiting import until


def test_the_last_mapping_of_a_sku_holds() -> None:
    known = registry(mapped("E-1", Mapping("a", "0801"), Mapping("b", "0803", "袋", 400, "manual", 0.5)))
    tell(known, mapped("E-1", Mapping("a", "0301")))
    assert known.mapping("E-1", "a") == Mapping("a", "0301")
    assert known.mapping("E-1", "b") == Mapping("b", "0803", "袋", 400, "manual", 0.5)
    assert known.mapping("E-2", "a") is None


Row = tuple[int, int, int]
ROWS = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 3), st.integers(0, 9)), max_size=12)


@given(st.lists(st.tuples(ROWS, st.booleans())))
def test_rows_by_key_are_those_of_a_dict_however_they_were_sorted_in(batches: list[tuple[list[Row], bool]]) -> None:
    held = Keyed([("owner", "<i4"), ("value", "<i4")], owner="owner", recent=3)
    want: dict[int, dict[int, int]] = {}
    for rows, ask in batches:
        held.add(np.array(rows, held.dtype))
        for key, owner, value in rows:
            want.setdefault(key, {})[owner] = value
        if ask:
            held.find(0)
    for key in range(-6, 7):
        got = {int(row["owner"]): int(row["value"]) for row in held.find(key)}
        assert got == want.get(key, {})


def test_a_hundred_thousand_mappings_and_their_changes_are_all_found() -> None:
    known = Mappings()
    for part in range(120):
        known.put("E-1", [Mapping(f"{part}-{i}", "0801") for i in range(1_000)])
    assert known.get("E-1", "7-3") is not None
    known.put("E-1", [Mapping("7-3", "0301")])
    for part in range(120):
        known.put("E-2", [Mapping(f"{part}-{i}", "0803") for i in range(1_000)])
    changed = known.get("E-1", "7-3")
    kept = known.get("E-1", "119-999")
    assert changed is not None
    assert kept is not None
    assert (changed.code, kept.code) == ("0301", "0801")


def test_terminals_that_move_are_counted_as_changes() -> None:
    known = registry(TerminalRecord("T-1", "E-1", "330602"))
    tell(known, TerminalRecord("T-1", "E-1", "330602"))
    assert known.changes == 1
    tell(known, TerminalRecord("T-1", "E-1", "330603"))
    assert known.changes == 2
    assert known.counties() == {"330603"}


@pytest.mark.parametrize("value", [b"", b"{}", b'{"type":"mapping"}', b"\xff", encode(decided("E-1", "a"))])
def test_a_bad_record_is_left_out(value: bytes) -> None:
    known = Registry()
    known.apply(value)
    assert known.revision == 0


def test_a_label_layout_that_cannot_be_read_is_left_out() -> None:
    known = registry(EnterpriseRecord("E-1", [WEIGHT.__class__("21", 13, (2, 20), (7, 12), "weight"), WEIGHT]))
    assert known.labels("E-1") == (WEIGHT,)


def test_the_effective_sku_is_the_item_of_a_label_and_carries_the_name_where_it_was_split() -> None:
    known = registry(EnterpriseRecord("E-1", [WEIGHT]))
    label = checked("211234501250")
    assert known.effective_sku("E-1", label, "肉") == "21:12345"
    assert known.effective_sku("E-2", label, "肉") == label
    tell(known, decided("E-1", "21:12345", verdict="split"))
    assert known.effective_sku("E-1", label, "肉") == f"21:12345{SPLIT}肉"
    assert known.effective_sku("E-1", f"21:12345{SPLIT}肉", "肉") == f"21:12345{SPLIT}肉"
    tell(known, decided("E-1", "21:12345", verdict="withdrawn"))
    assert known.effective_sku("E-1", label, "肉") == "21:12345"


def test_a_registry_without_goods_keeps_terminals_alone() -> None:
    known = Registry(goods=False)
    tell(known, TerminalRecord("T-1", "E-1", "330602"), mapped("E-1", Mapping("a", "0801")))
    assert known.terminal("T-1") is not None
    assert known.mapping("E-1", "a") is None


def test_who_asks_what_changed_is_told_that_and_no_more() -> None:
    known = registry(mapped("E-1", *(Mapping(f"s{i}", "0801") for i in range(60))))
    first = known.changed_since(0)
    assert (set(first.enterprises), set(first.skus), first.learned) == ({"E-1"}, set(), False)
    assert known.revision == first.version
    tell(known, mapped("E-2", Mapping("a", "0801")), decided("E-3", "b", "0801"))
    second = known.changed_since(first.version)
    assert (set(second.enterprises), set(second.skus)) == (set(), {("E-2", "a"), ("E-3", "b")})
    assert second.learned
    third = known.changed_since(second.version)
    assert (third.enterprises, third.skus, third.learned) == (frozenset(), frozenset(), False)


def test_who_asks_too_late_must_read_all_anew() -> None:
    journal = Journal()
    for i in range(20_001):
        journal.note("E-1", str(i))
    assert journal.since(0).everything
    assert journal.since(1).skus == {("E-1", str(i)) for i in range(1, 20_001)}


def test_one_thread_applies_while_another_reads() -> None:
    known, stop = registry(mapped("E-1", Mapping("a", "0801"))), threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            seen = 0
            while not stop.is_set():
                found = known.mapping("E-1", "a")
                assert found is not None
                seen = known.changed_since(seen).version
                known.confirmed_name("大白菜")
                known.lessons()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for i in range(2_000):
        tell(known, mapped("E-1", Mapping("a", "0801"), Mapping(f"s{i}", "0803")))
        tell(known, decided("E-2", f"s{i % 50}", "0801", "accepted" if i % 3 else "withdrawn", name=f"大白菜{i % 7}"))
    stop.set()
    thread.join()
    assert failures == []


@pytest.fixture
def reader(broker: str) -> Iterator[RegistryReader]:
    running = RegistryReader(broker)
    running.start()
    yield running
    running.stop()


@pytest.mark.e2e
def test_a_decision_is_known_to_a_running_reader_without_a_restart(broker: str, reader: RegistryReader) -> None:
    producer = Producer(producer_config(broker))
    producer.produce(REGISTRY, key=b"decision/registry-test/a", value=encode(decided("registry-test", "a", "0801")))
    producer.flush(10.0)
    sent = time.monotonic()
    until(lambda: reader.registry.decision("registry-test", "a"), 10.0, "the decision")
    print(f"known after {time.monotonic() - sent:.2f} s")


@pytest.mark.e2e
def test_a_bulk_of_decisions_is_known_without_a_restart(broker: str, reader: RegistryReader) -> None:
    producer = Producer(producer_config(broker))
    for i in range(3_000):
        value = encode(decided("registry-bulk", f"s{i}", "0801", name=f"大白菜 {i}"))
        producer.produce(REGISTRY, key=f"decision/registry-bulk/s{i}".encode(), value=value)
        producer.poll(0)
    producer.flush(10.0)
    sent = time.monotonic()
    until(lambda: reader.registry.decision("registry-bulk", "s2999"), 10.0, "the last decision")
    print(f"known after {time.monotonic() - sent:.2f} s")
