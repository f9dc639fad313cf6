"""Numbers, decisions and a classifier that knows a few words, for the tests of the chain."""

from collections.abc import Sequence

from biip.checksums import gs1_standard_check_digit

from agents.naming.verdict import DECLINED, Verdict
from agents.registry import Registry
from streams.records import Decision, LabelLayout, Mapping, MappingRecord, RegistryRecord, encode
from streams.records import Verdict as Said

WORDS = {"大白菜": "080101", "白菜": "0801", "薯片": "15", "食盐": "1001", "手套": "98"}


def checked(payload: str) -> str:
    """The number with its check digit."""
    return payload + str(gs1_standard_check_digit(payload))


MILK = checked("690123456789")


def classify(names: Sequence[str], specs: Sequence[str]) -> list[Verdict]:
    """By the first word that a name contains, sure to 0.9; 疑 in a name makes it unsure."""
    assert len(names) == len(specs)
    return [_verdict(name) for name in names]


def _verdict(name: str) -> Verdict:
    code = next((code for word, code in WORDS.items() if word in name), "")
    if not code:
        return DECLINED
    return Verdict(code, 0.5 if "疑" in name else 0.9, "好牌" if "好牌" in name else "", (f"head {code}",))


def registry(*records: RegistryRecord) -> Registry:
    """A registry that has read these."""
    known = Registry()
    tell(known, *records)
    return known


def tell(known: Registry, *records: RegistryRecord) -> None:
    """Have a registry read more."""
    for record in records:
        known.apply(encode(record))


def mapped(enterprise: str, *mappings: Mapping) -> MappingRecord:
    """A record of an enterprise's mappings."""
    return MappingRecord(enterprise, list(mappings))


def decided(enterprise: str, sku: str, code: str = "", verdict: Said = "accepted", **more: str) -> Decision:
    """A person's decision."""
    return Decision(f"d-{enterprise}-{sku}", enterprise, sku, verdict, "li", 1, code, **more)  # type: ignore[arg-type]


WEIGHT = LabelLayout("21", 13, (2, 7), (7, 12), "weight")
