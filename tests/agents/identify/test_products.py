from agents.identify.gtin import Gtin, gtin
from agents.identify.products import Products
from streams.records import SPLIT, Mapping
from tests.agents.identify.goods import MILK, checked, decided

OWN = checked("211234567890")


def number(text: str) -> Gtin:
    found = gtin(text)
    assert found is not None
    return found


def code(known: Products, text: str = MILK, enterprise: str = "E-9", *, in_sku: bool = False) -> str:
    found = known.find(enterprise, number(text), in_sku=in_sku)
    return found.code if found else ""


def test_what_one_enterprise_mapped_serves_all_in_every_format() -> None:
    known = Products()
    assert known.put("E-1", [Mapping("own", "98"), Mapping(MILK, "0601")])
    assert code(known) == code(known, "0" + MILK) == "0601"


def test_the_more_enterprises_agree_the_surer_it_is() -> None:
    known = Products()
    sure = []
    for i in range(4):
        known.put(f"E-{i}", [Mapping(MILK, "0601")])
        found = known.find("E-9", number(MILK), in_sku=False)
        assert found is not None
        sure.append(found.confidence)
    assert sure == sorted(set(sure))
    known.put("E-8", [Mapping(MILK, "0602")])
    found = known.find("E-9", number(MILK), in_sku=False)
    assert found is not None
    assert (found.code, found.votes, found.of) == ("0601", 4, 5)
    assert found.confidence < sure[0]


def test_an_even_division_gives_what_both_have_in_common_or_nothing() -> None:
    known = Products()
    known.put("E-1", [Mapping(MILK, "0601")])
    known.put("E-2", [Mapping(MILK, "0602")])
    assert code(known) == "06"
    known.put("E-2", [Mapping(MILK, "2009")])
    assert code(known) == ""


def test_the_later_mapping_of_an_enterprise_replaces_its_vote() -> None:
    known = Products()
    known.put("E-1", [Mapping(MILK, "0602")])
    assert code(known) == "0602"
    known.put("E-1", [Mapping(MILK, "0601")])
    found = known.find("", number(MILK), in_sku=False)
    assert found is not None
    assert (found.code, found.of) == ("0601", 1)


def test_a_decision_goes_before_the_mapping_of_its_enterprise_until_it_is_withdrawn() -> None:
    known = Products()
    known.put("E-1", [Mapping(MILK, "0602")])
    known.decide(decided("E-1", "own", "0601", barcode=MILK))
    assert code(known) == "0601"
    known.withdraw(decided("E-1", "own", "0601", barcode=MILK))
    assert code(known) == "0602"


def test_a_split_number_means_nothing_for_others() -> None:
    known = Products()
    known.put("E-1", [Mapping(MILK, "0602")])
    known.decide(decided("E-1", MILK, verdict="split"))
    known.decide(decided("E-1", f"{MILK}{SPLIT}牛奶", "0601", barcode=MILK))
    assert code(known) == ""


def test_a_restricted_number_is_known_in_its_own_enterprise_alone() -> None:
    known = Products()
    known.put("E-1", [Mapping(OWN, "0301")])
    known.decide(decided("E-1", "sku", "0301", barcode=OWN))
    assert code(known, OWN, "E-1") == "0301"
    assert code(known, OWN, "E-2") == ""


def test_an_unsure_mapping_says_nothing_of_others_goods() -> None:
    known = Products()
    assert not known.put("E-1", [Mapping(MILK, "0601", confidence=0.8)])
    assert code(known) == ""


def test_eight_digits_in_a_sku_need_two_that_agree() -> None:
    known, short = Products(), checked("6901234")
    known.decide(decided("E-1", short, "0601"))
    assert code(known, short) == ""
    known.decide(decided("E-1", "a", "0601", barcode=short))
    assert code(known, short) == "0601"
    assert code(known, short, in_sku=True) == ""
    known.decide(decided("E-2", "b", "0601", barcode=short))
    assert code(known, short, in_sku=True) == "0601"
