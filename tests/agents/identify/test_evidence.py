from hypothesis import given
from hypothesis import strategies as st

from agents.identify.evidence import LEAST, Finding, combined, lowered
from streams.taxonomy import taxonomy

CODES = st.sampled_from(sorted(taxonomy()))
FINDINGS = st.builds(Finding, st.just("key"), CODES, st.floats(0, 1), st.just(("why",)))


@given(FINDINGS, FINDINGS)
def test_two_that_agree_are_as_sure_as_the_surer_and_two_that_do_not_are_less_sure(key: Finding, name: Finding) -> None:
    found = combined(key, name)
    agree = key.code.startswith(name.code) or name.code.startswith(key.code) or key.code[:4] == name.code[:4]
    if agree:
        assert found is not None
        assert len(found.code) >= len(key.code)
        assert 0 <= min(key.confidence, name.confidence) <= found.confidence <= 1
    else:
        assert lowered(name, key).confidence <= name.confidence + 1e-9
        if found is not None:
            assert found.code == key.code
            assert LEAST <= found.confidence <= key.confidence + 1e-9


@given(FINDINGS)
def test_without_a_name_the_key_stands(key: Finding) -> None:
    assert combined(key, None) == key
    assert combined(key._replace(code=""), None) is None
