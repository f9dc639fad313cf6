"""The chain: what an article is, by the first of its keys that says so, and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agents.identify.evidence import Finding, against, combined, lowered
from agents.identify.gtin import gtin
from agents.identify.learned import Learned
from agents.identify.tax_codes import TaxEntry, tax_entry
from agents.naming.content import Content, content
from agents.naming.fold import fold
from agents.naming.measure import measure
from agents.naming.verdict import Verdict
from agents.registry import Registry
from streams.columns import Quality
from streams.records import Decision, Mapping
from streams.taxonomy import UNCLASSIFIED, node

Classify = Callable[[Sequence[str], Sequence[str]], Sequence[Verdict]]
"""Names and specifications, in bulk, to what they say."""

REVIEWED: Final = 0.99
"""People err as well."""
TAX_CODE: Final = 0.93
"""A code chosen by whoever set up the article at the till: an estimate."""
SURE_NAME: Final = 0.6
"""Below this the name classifier is not trusted alone, and the learner is asked."""
NECESSITY: Final = 0.7
OTHER: Final = 0.5
"""Below these a name alone gives no code, but a suggestion to a person: a false necessity is the worst error, since it
feeds an alert."""
SURE_LEARNED: Final = 0.88
"""Below this, posterior 0.97, two of five answers of the learner were wrong."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the first line of an article says; texts are empty where they were not sent.

    ``sku`` is the effective one (Registry.effective_sku) or as it was sent.
    """

    enterprise: str
    sku: str
    unit: str
    name: str = ""
    spec: str = ""
    barcode: str = ""
    category: str = ""
    tax_code: str = ""
    brand: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What an article is.

    ``code`` is UNCLASSIFIED where no key says anything. ``method``: review, registry (or what the mapping names),
    gtin, tax_code, category, name_confirmed, name, learned, none. ``confidence`` is the chance, 0 to 1, that the first
    four digits are right, of ``suggested`` where that stands instead of a code. ``per_unit`` g, ml or thousandths of a
    piece in one unit of sale, 0: not known. ``marks`` UNCLASSIFIED, UNIT_UNKNOWN, UNIT_GUESSED.
    """

    code: str
    method: str
    confidence: float
    per_unit: int
    marks: Quality
    brand: str
    content: Content | None
    reasons: tuple[str, ...]
    suggested: str = ""
    """the code that a name suggests, where that is too unsure to be taken and ``code`` is UNCLASSIFIED"""


class Chain:
    """Describes articles by the registry and the name classifier. For one thread."""

    def __init__(self, registry: Registry, classify: Classify) -> None:
        self._registry = registry
        self._classify = classify
        self._learned = Learned()

    def describe(self, sights: Sequence[Sight]) -> list[Description]:
        """A description of each, in their order: the same registry and sight give the same."""
        if not sights:
            return []
        names = [s.name for s in sights]
        verdicts = self._classify(names, [s.spec for s in sights])
        self._learned.learn(self._registry.lessons())
        folded = fold(names) if self._registry.knows_names() else [""] * len(names)
        return [self._describe(*one) for one in zip(sights, verdicts, folded, strict=True)]

    def _describe(self, sight: Sight, verdict: Verdict, folded: str) -> Description:
        sku = self._registry.effective_sku(sight.enterprise, sight.sku, sight.name)
        decision = self._registry.decision(sight.enterprise, sku)
        mapping = self._registry.mapping(sight.enterprise, sku)
        found = _own(decision, mapping) or self._find(sight, sku, verdict, folded)
        suggested = found.code if _unsure(found) else ""
        if suggested:
            reasons = (f"unsure: {suggested} at {found.confidence:.2f}", *found.reasons)
            found = Finding("none", UNCLASSIFIED, found.confidence, reasons)
        printed = content(sight.name, sight.spec)
        usual = (decision.unit if decision else "") or (mapping.unit if mapping else "")
        known = (decision.content if decision else 0) or (mapping.content if mapping else 0)
        measured = measure(sight.unit or usual, node(found.code).base_unit, printed, known, found.code)
        marks = Quality(0)
        if found.code == UNCLASSIFIED:
            marks |= Quality.UNCLASSIFIED
        if measured.unknown:
            marks |= Quality.UNIT_UNKNOWN
        if measured.guessed or (usual and not sight.unit):
            marks |= Quality.UNIT_GUESSED
        brand = (decision.brand if decision else "") or sight.brand or verdict.brand
        return Description(
            found.code,
            found.method,
            found.confidence,
            measured.per_unit,
            marks,
            brand,
            printed,
            found.reasons,
            suggested,
        )

    def _find(self, sight: Sight, sku: str, verdict: Verdict, folded: str) -> Finding:
        """By what is known of other articles: number, tax code, category path, name."""
        name = _by_name(verdict)
        told = self._by_confirmed_name(folded) or name
        against_keys: list[str] = []
        for key in (self._by_number(sight, sku), _by_tax_code(tax_entry(sight.tax_code), told), self._by_path(sight)):
            if key is None:
                continue
            found = combined(key, told)
            if found is not None:
                return found
            against_keys.append(against(key))
            told = lowered(told, key) if told else None
        if told is None or (told.method == "name" and told.confidence < SURE_NAME):
            told = self._by_learned(folded, told) or told
        if told is None:
            return Finding("none", UNCLASSIFIED, 0.0, (*against_keys, *verdict.reasons))
        return told._replace(reasons=(*told.reasons, *against_keys))

    def _by_number(self, sight: Sight, sku: str) -> Finding | None:
        for text, in_sku in ((sight.barcode, False), (sku, True)):
            number = gtin(text)
            if number is None:
                continue
            known = self._registry.product(sight.enterprise, number, in_sku=in_sku)
            if known is not None:
                why = f"GTIN {number.value}: {known.votes} of {known.of}"
                return Finding("gtin", known.code, known.confidence, (why,))
            own = self._registry.mapping(sight.enterprise, text.strip()) if number.restricted and not in_sku else None
            if own is not None:
                return Finding("gtin", own.code, own.confidence, (f"{text.strip()} in the enterprise's mapping",))
        return None

    def _by_path(self, sight: Sight) -> Finding | None:
        known = self._registry.confirmed_path(sight.enterprise, sight.category) if sight.category else None
        if known is None:
            return None
        why = f"category {sight.category.strip()}: {known.votes} of {known.of} confirmed"
        return Finding("category", known.code, known.confidence, (why,))

    def _by_confirmed_name(self, folded: str) -> Finding | None:
        known = self._registry.confirmed_name(folded) if folded else None
        if known is None:
            return None
        return Finding("name_confirmed", known.code, known.confidence, (f"this name was decided {known.of} times",))

    def _by_learned(self, folded: str, name: Finding | None) -> Finding | None:
        found = self._learned.ask(folded) if folded else None
        if found is None or found[1] < SURE_LEARNED:
            return None
        code, confidence = found
        if name is not None and name.confidence >= confidence:
            return None
        return Finding("learned", code, confidence, ("like names that people decided",))


def _own(decision: Decision | None, mapping: Mapping | None) -> Finding | None:
    """What a person or the enterprise's mapping says of this very article."""
    if decision is not None:
        return Finding("review", decision.code, REVIEWED, (f"{decision.verdict} by a person",))
    if mapping is not None and mapping.code not in ("", UNCLASSIFIED):
        return Finding(mapping.method, mapping.code, mapping.confidence, ("the enterprise's mapping",))
    return None


def _unsure(found: Finding) -> bool:
    """Whether a code rests on a name alone, and too weakly for what may follow from it."""
    if found.method not in ("name", "learned") or found.code == UNCLASSIFIED:
        return False
    commodity = node(found.code)
    return found.confidence < (NECESSITY if commodity.monitored or commodity.emergency else OTHER)


def _by_name(verdict: Verdict) -> Finding | None:
    return Finding("name", verdict.code, verdict.confidence, verdict.reasons) if verdict.code else None


def _by_tax_code(entry: TaxEntry | None, told: Finding | None) -> Finding | None:
    """The one of its codes that the name supports; without a name only what all of them have in common."""
    if entry is None:
        return None
    why = (f"tax code {entry.prefix} {entry.title}",)
    supported = [c for c in entry.codes if told is not None and (told.code.startswith(c) or c.startswith(told.code))]
    code = max(supported, key=len) if supported else entry.codes[0]
    if not supported and len(entry.codes) > 1:
        if told is None:
            same = [entry.codes[0][:n] for n in (4, 2) if len({c[:n] for c in entry.codes}) == 1]
            return Finding("tax_code", same[0], TAX_CODE, why) if same else None
        return Finding("tax_code", "", TAX_CODE, why)
    return Finding("tax_code", code, TAX_CODE, why)
