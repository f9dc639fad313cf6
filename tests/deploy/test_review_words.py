"""Words of the review for people at a terminal."""

import pytest

from deploy.review_words import code_text, content_of, find_commodities, printable


def test_commodities_are_found_by_code_and_by_either_name_the_nearest_first() -> None:
    assert find_commodities("大米")[0].code == "0101"
    assert find_commodities("RICE")[0].code == "0101"
    assert [c.code[:2] for c in find_commodities("01")] == ["01"] * 9
    assert find_commodities("1001")[0].name_zh == "食盐"
    assert find_commodities("  ") == find_commodities("no such thing") == find_commodities("99") == []


@pytest.mark.parametrize("text", ["", "kg", "5 lb", "0g", "-1g", "1e3g", "99999999kg", "٣g"])
def test_a_content_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected what one pack holds"):
        content_of(text)


def test_nothing_that_a_till_sends_steers_a_terminal() -> None:
    sent = "\x1b]0;x\x07\x9b2J\u202eabc\r\n\u200b"
    assert printable(sent).isprintable()
    assert "abc" in printable(sent)
    assert printable("东北大米 5kg␟散装") == "东北大米 5kg␟散装"


def test_what_has_no_code_is_shown_as_a_dash() -> None:
    assert (code_text("99"), code_text("")) == ("-", "-")
