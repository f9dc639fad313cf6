from hypothesis import given
from hypothesis import strategies as st

from agents.identify.confirmed import Confirmed
from streams.records import Decision, Verdict
from tests.agents.identify.goods import decided

PATH = "生鲜/叶菜"


def test_a_path_speaks_from_its_third_confirmed_sku_on() -> None:
    known = Confirmed()
    for i in range(3):
        assert known.path("E-1", PATH) is None
        known.put(decided("E-1", f"s{i}", "080101", category=PATH))
    found = known.path("E-1", f" {PATH} ")
    assert found is not None
    assert (found.code, found.confidence) == ("080101", 0.8)
    assert known.path("E-2", PATH) is None


def test_a_path_of_different_goods_says_what_they_have_in_common() -> None:
    known = Confirmed()
    for i, code in enumerate(("080101", "080102", "0803")):
        known.put(decided("E-1", f"s{i}", code, category=PATH))
    found = known.path("E-1", PATH)
    assert found is not None
    assert found.code == "08"
    known.put(decided("E-1", "s9", "98", category=PATH))
    assert known.path("E-1", PATH) is None


def test_one_stray_among_twenty_does_not_silence_a_path_but_costs_confidence() -> None:
    known = Confirmed()
    for i in range(19):
        known.put(decided("E-1", f"s{i}", "0301", category=PATH))
    clean = known.path("E-1", PATH)
    known.put(decided("E-1", "stray", "98", category=PATH))
    found = known.path("E-1", PATH)
    assert clean is not None
    assert found is not None
    assert found.code == "0301"
    assert found.confidence < clean.confidence


def test_a_name_is_remembered_until_somebody_contradicts() -> None:
    known = Confirmed()
    known.put(decided("E-1", "a", "0801", name="大白菜【精】"))
    known.put(decided("E-2", "b", "080101", name="大白菜(精)"))
    found = known.name("大白菜(精)")
    assert found is not None
    assert found.code == "080101"
    known.put(decided("E-3", "c", "15", "corrected", name="大白菜（精）"))
    assert known.name("大白菜(精)") is None
    known.put(decided("E-3", "c", verdict="withdrawn"))
    assert known.name("大白菜(精)") is not None


def test_an_accepted_suggestion_without_a_code_of_its_own_is_that_code() -> None:
    known = Confirmed()
    known.put(decided("E-1", "a", suggested="0801"))
    found = known.decision("E-1", "a")
    assert found is not None
    assert found.code == "0801"


def test_splitting_takes_back_what_was_said_of_the_sku() -> None:
    known = Confirmed()
    known.put(decided("E-1", "a", "0801", name="杂菜"))
    known.put(decided("E-1", "a", verdict="split"))
    assert known.is_split("E-1", "a")
    assert known.decision("E-1", "a") is None
    assert known.name("杂菜") is None
    known.put(decided("E-1", "a", verdict="withdrawn"))
    assert not known.is_split("E-1", "a")


STEPS = st.lists(
    st.builds(
        lambda sku, code, verdict, name, path: decided("E", sku, code, verdict, name=name, category=path),
        st.sampled_from("abcd"),
        st.sampled_from(["0801", "0803", "98"]),
        st.sampled_from(["accepted", "corrected", "split", "withdrawn"]),
        st.sampled_from(["甲", "乙", ""]),
        st.sampled_from(["p", "q", ""]),
    ),
    max_size=30,
)


@given(STEPS)
def test_what_was_replaced_or_withdrawn_leaves_no_trace(steps: list[Decision]) -> None:
    known, fresh = Confirmed(), Confirmed()
    last: dict[str, Decision] = {}
    for step in steps:
        known.put(step)
        last[step.sku] = step
    standing: list[Verdict] = ["accepted", "corrected", "split"]
    for step in last.values():
        if step.verdict in standing:
            fresh.put(step)
    assert [known.name(n) for n in ("甲", "乙")] == [fresh.name(n) for n in ("甲", "乙")]
    assert [known.path("E", p) for p in ("p", "q")] == [fresh.path("E", p) for p in ("p", "q")]
    assert len(known) == len(fresh)
