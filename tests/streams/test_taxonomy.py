"""The versions of the taxonomy: what holds when, what became of a code, and what is refused."""

import datetime as dt

import pytest

from streams.commodity import Change, Commodity, TaxonomyError, read_changes, read_nodes
from streams.taxonomy import UNCLASSIFIED, as_of, current, history, name_of, node, taxonomy, version
from streams.taxonomy_history import History, Validity

HEAD = "version,date,change,code,into,note,author\n"
FIRST = """1,2026-01-01,new,01,,,A
1,2026-01-01,new,0101,,,A
1,2026-01-01,new,0102,,,A
1,2026-01-01,new,02,,,A
"""
SECOND = """2,2026-02-01,new,0103,,,B
2,2026-02-01,merge,0102,0101,sold as one,B
2,2026-02-01,rename,01,,粮食 / Grain,B
"""
THIRD = """3,2026-03-01,move,0101,0201,,B
3,2026-03-01,retire,0103,,,B
"""
CODES = ("01", "0101", "0102", "02", "0103", "0201")


def made(changes: str = FIRST + SECOND + THIRD, codes: tuple[str, ...] = CODES) -> History:
    nodes = {code: Commodity(code, code[:-2], f"中{code}", f"Name {code}", "kg", True, False) for code in codes}
    return History(nodes, read_changes((HEAD + changes).splitlines()))


def test_the_first_version_gives_the_184_codes_that_are_never_renumbered_and_adds_up() -> None:
    assert history().faults() == []
    assert len(as_of(1)) == 184
    assert version() >= 1
    assert set(taxonomy()) <= set(history().nodes)


def test_a_code_that_holds_is_current_and_one_that_never_was_stays() -> None:
    assert (current("0101"), current("777777"), node("777777").code) == ("0101", "777777", UNCLASSIFIED)


def test_merges_and_moves_are_followed_to_the_code_that_holds_today() -> None:
    assert made().faults() == []
    assert [made().current(code) for code in CODES] == ["01", "0201", "0201", "02", "01", "0201"]
    assert made(FIRST + "2,2026-02-01,retire,02,,,B\n").current("02") == ""


def test_each_version_has_its_nodes_and_their_names_of_then() -> None:
    found = made()
    assert [sorted(found.as_of(v)) for v in (1, 2, 3)] == [
        ["01", "0101", "0102", "02"],
        ["01", "0101", "0103", "02"],
        ["01", "02", "0201"],
    ]
    assert (found.as_of(1)["01"].name_zh, found.as_of(2)["01"].name_zh) == ("粮食", "中01")
    assert found.validity["0102"] == Validity(1, 2)
    for none in (0, 4):
        with pytest.raises(ValueError, match="expected a version of the taxonomy from 1 to 3"):
            found.as_of(none)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (FIRST + "2,2026-02-01,new,0102,,,B\n", "code 0102 is used again"),
        (FIRST + SECOND + "3,2026-03-01,new,0102,,,B\n", "code 0102 is used again"),
        (FIRST + "2,2026-02-01,move,0101,0102,,B\n", "code 0102 is used again"),
        (FIRST + "2,2026-02-01,retire,01,,,B\n", "0101 has the parent 01, which does not hold then"),
        (FIRST + "2,2026-02-01,merge,0101,0102,,B\n2,2026-02-01,merge,0102,0101,,B\n", "0101 leads back to itself"),
        (FIRST + "2,2026-02-01,merge,0101,0777,,B\n", "goes into 0777, which does not hold then"),
        (FIRST + "2,2026-02-01,merge,0101,,,B\n", "merge of 0101 into nothing"),
        (FIRST + "2,2026-02-01,merge,0777,0101,,B\n", "merge of 0777, which was never given"),
        (FIRST + SECOND + "3,2026-03-01,retire,0102,,,B\n", "retire of 0102, which had ended before"),
        (FIRST + "2,2026-02-01,rename,0101,,Rice,B\n", "needs the name before"),
        (FIRST + "3,2026-02-01,new,0103,,,B\n", "version 3 follows version 1: expected 1 or 2"),
        (FIRST + "2,2025-02-01,new,0103,,,B\n", "2025-02-01 is before 2026-01-01"),
        (FIRST + "2,2026-02-01,new,0103,,,\n", "new 0103 has no author"),
        (FIRST, "0103 was added without a change entry"),
        (FIRST + SECOND + THIRD + "3,2026-03-01,new,03,,,B\n", "03 was removed without a trace"),
    ],
)
def test_what_does_not_add_up_is_said(changes: str, said: str) -> None:
    assert any(said in fault for fault in made(changes).faults())


def test_a_node_below_another_parent_than_its_code_says_is_refused() -> None:
    found = made()
    astray = {**found.nodes, "0201": Commodity("0201", "01", "a", "a", "kg", True, False)}
    assert History(astray, found.changes).faults() == ["0201 has the parent 01: expected 02"]


def test_a_file_that_cannot_be_read_names_the_line() -> None:
    with pytest.raises(TaxonomyError, match=r"taxonomy_changes.csv line 2: .*change"):
        read_changes((HEAD + "1,2026-01-01,split,01,,,A\n").splitlines())
    twice = "code,parent,name_zh,name_en,base_unit,monitored,emergency\n" + "01,,a,a,kg,0,0\n" * 2
    with pytest.raises(TaxonomyError, match="line 3: code 01 stands twice"):
        read_nodes(twice.splitlines())


def test_a_change_is_read_with_its_types() -> None:
    first = made().changes[0]
    assert first == Change(1, dt.date(2026, 1, 1), "new", "01", "", "", "A")


def test_a_code_below_the_taxonomy_shows_its_number() -> None:
    assert name_of("010177").zh == "大米 010177"
    assert name_of("0101").en == "Rice"
