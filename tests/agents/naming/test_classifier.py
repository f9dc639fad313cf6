import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.naming.classifier import classifier
from agents.naming.examples import read_examples
from agents.naming.features import WIDTH
from agents.naming.ngrams import load
from agents.naming.verdict import DECLINED
from streams.taxonomy import taxonomy


@settings(deadline=None)
@given(st.lists(st.text(max_size=80), max_size=4))
def test_any_text_gets_a_verdict_of_the_taxonomy(names: list[str]) -> None:
    verdicts = classifier()(names)
    assert len(verdicts) == len(names)
    for v in verdicts:
        assert v.code == "" or v.code in taxonomy()
        assert 0 <= v.confidence <= 1
        assert bool(v.code) == (v.confidence > 0)


def test_a_verdict_does_not_depend_on_its_neighbours() -> None:
    names = ["乐事番茄味薯片", "纯牛奶250ml", "abc", "", "五花肉", "晨光中性笔0.5"] * 3
    together = classifier()(names)
    assert together == [classifier()([n])[0] for n in names]


def test_what_says_nothing_is_declined() -> None:
    assert classifier()(["6954075495138", "", "  ", "12-34*5", "n62"]) == [DECLINED] * 5


def test_a_guess_from_letters_alone_is_declined() -> None:
    for verdict in classifier()(["快乐宝贝", "一品状元980g", "泰国"]):
        assert verdict.code == ""
        assert verdict.reasons[0].startswith("unsure: ")


def test_the_verdict_says_why() -> None:
    verdict = classifier()(["乐事樱桃薯片100g"])[0]
    assert "head 薯片 15" in verdict.reasons
    assert "noun 樱桃 0907" in verdict.reasons
    assert verdict.brand == "乐事"


def test_a_traditional_or_full_width_name_is_the_same_good() -> None:
    plain, traditional, wide = classifier()(["鸡蛋面500g", "雞蛋麵500g", "鸡蛋面５００ｇ"])
    assert plain.code == traditional.code == wide.code == "0103"


def test_the_name_may_stand_in_the_spec() -> None:
    assert classifier()([""], ["鸡蛋面500g"])[0].code == "0103"


def test_the_models_classes_are_codes() -> None:
    model = load()
    assert set(model.classes) <= set(taxonomy())
    assert model.weights.shape == (len(model.index), len(model.classes))
    assert np.isfinite(model.weights).all()
    assert classifier().ranker.weights.shape == (WIDTH,)


def test_the_examples_stand_on_the_taxonomy_and_once() -> None:
    examples = read_examples()
    assert len(examples) > 1_000
    assert all(code in taxonomy() for e in examples for code in e.codes)
    names = [e.name for e in examples]
    assert len(set(names)) == len(names)
