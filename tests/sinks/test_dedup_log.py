from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sinks.dedup_log import Covered, Part, keep_written, mend, part_of


def test_the_name_of_a_part_tells_its_partition_and_block_numbers() -> None:
    assert part_of("202509_3_7_1") == Part("202509", 3, 7)
    assert part_of("all_1_1_0_5") == Part("all", 1, 1)


def test_other_directories_are_not_parts() -> None:
    assert [part_of(n) for n in ("detached", "tmp_insert_202509_1_1_0", "deduplication_logs", "a_b_c_d")] == [None] * 4


def test_a_record_without_its_part_is_struck_out_and_the_others_stay() -> None:
    records = ["1\t202509_1_1_0\tid-1", "1\t202509_2_2_0\tid-2", "1\t202510_2_2_0\tid-3"]
    assert keep_written(records, [Part("202509", 1, 1), Part("202510", 2, 2)]) == [records[0], records[2]]


def test_a_record_whose_part_was_merged_into_a_larger_one_stays() -> None:
    records = [f"1\tall_{n}_{n}_0\tid-{n}" for n in range(1, 8)]
    assert keep_written(records, [Part("all", 2, 5), Part("all", 3, 3), Part("all", 7, 7)]) == [
        *records[1:5],
        records[6],
    ]


def test_removals_and_records_of_another_form_are_left_to_the_engine() -> None:
    records = ["2\t202509_1_1_0\tid-1", "3\tsomething", "", "1"]
    assert keep_written(records, []) == records


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=12), st.integers(0, 36))
def test_a_block_number_is_held_when_any_part_has_it(ranges: list[tuple[int, int]], number: int) -> None:
    parts = [Part("all", first, first + more) for first, more in ranges]
    held = any(p.first <= number <= p.last for p in parts)
    assert Covered(parts).holds(Part("all", number, number)) == held
    assert not Covered(parts).holds(Part("202509", number, number))


def test_mending_rewrites_only_logs_with_a_record_to_strike(tmp_path: Path) -> None:
    table = tmp_path / "store" / "abc" / "uuid"
    (table / "deduplication_logs").mkdir(parents=True)
    (table / "all_1_1_0").mkdir()
    one, two = (table / "deduplication_logs" / f"deduplication_log_{n}.txt" for n in (1, 2))
    one.write_text("1\tall_1_1_0\ta\n")
    two.write_text("1\tall_2_2_0\tb\n1\tall_1_1_0\tc\n")
    before = one.stat().st_mtime_ns
    assert mend(tmp_path) == 1
    assert (one.read_text(), two.read_text()) == ("1\tall_1_1_0\ta\n", "1\tall_1_1_0\tc\n")
    assert one.stat().st_mtime_ns == before
    assert mend(tmp_path) == 0
    assert {p.name for p in (table / "deduplication_logs").iterdir()} == {one.name, two.name}


def test_a_new_directory_has_nothing_to_mend(tmp_path: Path) -> None:
    assert mend(tmp_path / "engine") == 0
