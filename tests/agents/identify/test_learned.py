from hypothesis import given
from hypothesis import strategies as st

from agents.identify.confirmed import Lesson
from agents.identify.learned import EXPERIENCE, LEAST, Learned

OTHERS = [Lesson(f"{a}{b}{c}", "15", True) for a in "香脆甜辣咸酸" for b in "薯虾豆米玉麦" for c in "片条棒球圈酥"]
FISH = ["多春鱼", "青占鱼", "红杉鱼", "剥皮鱼", "马头鱼", "银鳕鱼"]
PENS = ["中性笔", "圆珠笔", "水彩笔", "记号笔", "荧光笔", "签字笔"]


def lessons(names: list[str], code: str, *, learn: bool = True) -> list[Lesson]:
    return [Lesson(name, code, learn) for name in names]


def test_it_answers_for_what_is_like_the_names_that_were_decided() -> None:
    model = Learned()
    model.learn([*OTHERS, *lessons(FISH, "0709"), *lessons(PENS, "98")])
    found = model.ask("金线鱼")
    assert found is not None
    assert found[0] == "0709"
    other = model.ask("白板笔")
    assert other is not None
    assert other[0] == "98"


def test_it_says_nothing_of_names_that_share_nothing_with_them() -> None:
    model = Learned()
    assert model.ask("电饭煲") is None
    model.learn([*OTHERS, *lessons(FISH, "0709")])
    assert model.ask("电饭煲") is None
    assert model.ask("123") is None


def test_it_needs_enough_decisions_of_a_commodity() -> None:
    model = Learned()
    model.learn([*OTHERS, *lessons(FISH[: LEAST - 1], "0709")])
    assert model.ask("金线鱼") is None
    model.learn(lessons(FISH[LEAST - 1 : LEAST], "0709"))
    assert model.ask("金线鱼") is not None


def test_it_needs_experience() -> None:
    model = Learned()
    model.learn([*lessons(FISH, "0709"), *OTHERS[: EXPERIENCE - len(FISH) - 1]])
    assert model.ask("金线鱼") is None
    model.learn(OTHERS[-1:])
    assert model.ask("金线鱼") is not None


CLASSES = st.sampled_from(["0709", "98", "1302"])
NAMES = st.text("鱼笔饼干中性多春", min_size=1, max_size=5)


@given(st.lists(st.tuples(NAMES, CLASSES), max_size=25), st.lists(st.tuples(NAMES, CLASSES), max_size=10), NAMES)
def test_what_is_forgotten_was_never_learned(
    kept: list[tuple[str, str]], gone: list[tuple[str, str]], ask: str
) -> None:
    one, two = Learned(), Learned()
    for model in (one, two):
        model.learn(OTHERS)
    one.learn(Lesson(n, c, True) for n, c in [*gone[::2], *kept, *gone[1::2]])
    one.learn(Lesson(n, c, False) for n, c in gone)
    two.learn(Lesson(n, c, True) for n, c in kept)
    assert one.ask(ask) == two.ask(ask)
