from collections.abc import Sequence

import pytest

from agents.identify.chain import REVIEWED, Chain, Description, Sight
from agents.naming.verdict import Verdict
from agents.registry import Registry
from streams.columns import Quality
from streams.records import SPLIT, EnterpriseRecord, Mapping
from tests.agents.identify.goods import MILK, WEIGHT, checked, classify, decided, mapped, registry, tell
from tests.agents.identify.test_learned import FISH, OTHERS, lessons

VEGETABLES = "1010112000000000000"
CABBAGES = "1010112040000000000"
SEEDS = "1010119060000000000"
PATH = "生鲜/叶菜"


def describe(known: Registry, sku: str = "s", unit: str = "kg", enterprise: str = "E-1", **more: str) -> Description:
    return Chain(known, classify).describe([Sight(enterprise, sku, unit, **more)])[0]


def test_a_persons_decision_goes_before_all_else() -> None:
    known = registry(mapped("E-1", Mapping("s", "15")), decided("E-1", "s", "0801"))
    found = describe(known, name="食盐", tax_code=SEEDS)
    assert (found.code, found.method, found.confidence) == ("0801", "review", REVIEWED)
    tell(known, decided("E-1", "s", verdict="withdrawn"))
    assert describe(known).method == "registry"


def test_the_enterprises_mapping_goes_before_what_others_say() -> None:
    known = registry(mapped("E-1", Mapping(MILK, "0602")), mapped("E-2", Mapping(MILK, "0601")))
    assert describe(known, MILK).code == "0602"


def test_a_mapping_that_says_unclassified_says_nothing() -> None:
    known = registry(mapped("E-1", Mapping("s", "99")))
    assert describe(known, name="大白菜").method == "name"


@pytest.mark.parametrize("column", ["sku", "barcode"])
def test_a_number_that_another_enterprise_mapped_is_known(column: str) -> None:
    known = registry(mapped("E-2", Mapping(MILK, "0601")))
    found = describe(known, **{column: MILK})
    assert (found.code, found.method) == ("0601", "gtin")


def test_a_restricted_number_is_looked_up_in_the_enterprises_own_mapping() -> None:
    own = checked("211234567890")
    known = registry(mapped("E-2", Mapping(own, "0301")))
    assert describe(known, barcode=own).method == "none"
    assert describe(known, enterprise="E-2", barcode=own).code == "0301"


def test_a_label_is_its_item() -> None:
    known = registry(EnterpriseRecord("E-1", [WEIGHT]), mapped("E-1", Mapping("21:12345", "0301", "kg")))
    assert describe(known, checked("211234501250")).code == "0301"
    assert describe(known, "21:12345").code == "0301"
    assert describe(known, checked("211234501250"), enterprise="E-2").method == "none"


def test_a_tax_code_is_deepened_by_a_name_that_agrees() -> None:
    known = registry()
    alone = describe(known, tax_code=VEGETABLES)
    assert (alone.code, alone.method) == ("08", "tax_code")
    name = describe(known, name="大白菜")
    both = describe(known, name="大白菜", tax_code=VEGETABLES)
    assert (both.code, both.method) == ("080101", "tax_code")
    assert both.confidence > name.confidence
    deeper = describe(known, name="大白菜", tax_code=CABBAGES)
    assert deeper.confidence > both.confidence


def test_a_name_that_contradicts_a_tax_code_makes_it_unsure_and_is_told() -> None:
    found = describe(registry(), name="大白菜种", tax_code=SEEDS)
    assert (found.code, found.method) == ("98", "tax_code")
    assert found.confidence < 0.7
    assert any("against: name 080101" in reason for reason in found.reasons)


def test_a_tax_code_that_is_less_likely_than_not_is_passed_over() -> None:
    def sure(names: Sequence[str], specs: Sequence[str]) -> list[Verdict]:
        return [Verdict("2009", 0.98, "", ("head",)) for _ in names]

    found = Chain(registry(), sure).describe([Sight("E-1", "s", "瓶", "牛奶沐浴露", tax_code="1030204010000000000")])[0]
    assert (found.code, found.method) == ("2009", "name")
    assert 0.5 < found.confidence < 0.98
    assert any("against: tax_code 06" in reason for reason in found.reasons)


def test_a_tax_code_of_several_groups_needs_the_name() -> None:
    meat = "1030107010100000000"
    assert describe(registry(), tax_code=meat).method == "none"
    refused = describe(registry(), name="薯片", tax_code=meat)
    assert (refused.code, refused.method, refused.suggested) == ("99", "none", "15")


def test_a_category_path_speaks_once_some_of_it_is_confirmed() -> None:
    known = registry()
    for i in range(3):
        tell(known, decided("E-1", f"s{i}", "0801", category=PATH))
    found = describe(known, "new", category=PATH)
    assert (found.code, found.method, found.confidence) == ("0801", "category", 0.8)
    assert describe(known, "new", enterprise="E-2", category=PATH).method == "none"


def test_a_name_that_a_person_decided_elsewhere_is_known() -> None:
    known = registry(decided("E-2", "x", "0709", name="红杉【冰鲜】"))
    found = describe(known, name="红杉(冰鲜)")
    assert (found.code, found.method) == ("0709", "name_confirmed")
    tell(known, decided("E-3", "y", "98", name="红杉(冰鲜)"))
    assert describe(known, name="红杉(冰鲜)").method == "none"


def test_what_people_decided_teaches_names_that_the_classifier_does_not_know() -> None:
    known = registry()
    for i, lesson in enumerate([*OTHERS, *lessons(FISH, "0709")]):
        tell(known, decided("E-2", f"s{i}", lesson.code, name=lesson.name))
    found = describe(known, name="马面鱼")
    assert (found.code, found.method) == ("0709", "learned")
    assert describe(known, name="大白菜").method == "name"


def test_what_no_key_knows_is_unclassified() -> None:
    found = describe(registry(), name="无")
    assert (found.code, found.method, found.confidence) == ("99", "none", 0.0)
    assert Quality.UNCLASSIFIED in found.marks


def test_a_necessity_that_rests_on_an_unsure_name_alone_is_only_suggested() -> None:
    salt, chips = Chain(registry(), classify).describe(
        [Sight("E-1", "S-1", "袋", name="食盐疑"), Sight("E-1", "S-2", "袋", name="薯片疑")]
    )
    assert (salt.code, salt.method, salt.confidence, salt.suggested) == ("99", "none", 0.5, "1001")
    assert salt.reasons[0] == "unsure: 1001 at 0.50"
    assert salt.marks & Quality.UNCLASSIFIED
    assert (chips.code, chips.suggested) == ("15", "")


def test_each_name_of_a_split_sku_is_an_article_of_its_own() -> None:
    known = registry(mapped("E-1", Mapping("s", "0801", "kg")), decided("E-1", "s", verdict="split"))
    assert describe(known, name="薯片").code == "15"
    assert describe(known, name="食盐").code == "1001"
    tell(known, decided("E-1", f"s{SPLIT}薯片", "98", "corrected"))
    assert describe(known, name="薯片").code == "98"
    assert describe(known, f"s{SPLIT}薯片", name="薯片").code == "98"
    assert describe(known, name="食盐").code == "1001"


def test_the_unit_that_a_line_does_not_say_is_the_mappings_and_marked() -> None:
    known = registry(mapped("E-1", Mapping("s", "1001", "袋", 400)))
    found = describe(known, unit="")
    assert (found.per_unit, found.marks) == (400, Quality.UNIT_GUESSED)
    assert describe(known, unit="袋").marks == Quality(0)


def test_the_content_that_a_person_gave_goes_before_the_mappings_and_the_printed_one() -> None:
    known = registry(mapped("E-1", Mapping("s", "1001", "袋", 400)))
    assert describe(known, unit="袋", name="食盐 350g").per_unit == 400
    decision = decided("E-1", "s", "1001", content=500)  # type: ignore[arg-type]
    tell(known, decision)
    assert describe(known, unit="袋", name="食盐 350g").per_unit == 500


def test_what_a_name_prints_is_measured() -> None:
    found = describe(registry(), unit="袋", name="食盐 350g")
    assert found.per_unit == 350
    assert found.content is not None
    assert (found.content.qty, found.content.unit, found.content.packs) == (350, "g", 1)
    unknown = describe(registry(), unit="袋", name="食盐")
    assert (unknown.per_unit, unknown.marks) == (0, Quality.UNIT_UNKNOWN)


def test_a_brand_that_was_sent_goes_before_the_names_and_a_persons_before_both() -> None:
    known = registry()
    assert describe(known, name="好牌食盐").brand == "好牌"
    assert describe(known, name="好牌食盐", brand="别牌").brand == "别牌"
    tell(known, decided("E-1", "s", "1001", brand="真牌"))
    assert describe(known, name="好牌食盐", brand="别牌").brand == "真牌"


def test_many_are_described_as_each_alone() -> None:
    known = registry(mapped("E-1", Mapping("a", "0801")), decided("E-2", "x", "0709", name="红杉"))
    sights = [Sight("E-1", "a", "kg"), Sight("E-1", "b", "kg", "红杉"), Sight("E-2", "a", "kg", "疑大白菜")]
    together = Chain(known, classify).describe(sights)
    assert together == [Chain(known, classify).describe([s])[0] for s in sights]
    assert Chain(known, classify).describe([]) == []
