"""How a key and a name that agree, or contradict each other, change how sure one is."""

from typing import Final, NamedTuple

from agents.identify.belief import related

MOST: Final = 0.995
"""No agreement of two automatic keys makes surer than this."""
LEAST: Final = 0.5
"""A key that a name contradicts, and that is then less likely than this, is passed over."""
_SAME_GROUP: Final = 0.4
"""The share of wrong names whose group is right all the same."""
_FULL: Final = 4


class Finding(NamedTuple):
    """What one key says. An empty ``code``: it says what the article is not, and nothing more."""

    method: str
    code: str
    confidence: float
    reasons: tuple[str, ...]


def combined(key: Finding, name: Finding | None) -> Finding | None:
    """The key's finding after the name was heard, the deeper code of two that agree; None: it is passed over.

    >>> combined(Finding("tax_code", "08", 0.93, ()), Finding("name", "080101", 0.9, ())).code
    '080101'
    """
    if name is None:
        return key if key.code else None
    reasons = (*key.reasons, *name.reasons)
    if key.code and related(key.code, name.code):
        deeper = max(key.code, name.code, key=len)
        return key._replace(code=deeper, confidence=_agreement(key, name), reasons=reasons)
    if key.code and key.code[:_FULL] == name.code[:_FULL]:
        return key._replace(confidence=_agreement(key, name), reasons=reasons)
    chance = _contradicted(key.confidence, name.confidence)
    if not key.code or chance < LEAST:
        return None
    return key._replace(confidence=chance, reasons=(*key.reasons, against(name)))


def lowered(name: Finding, key: Finding) -> Finding:
    """A name's finding after a key contradicted it and was passed over."""
    return name._replace(confidence=_contradicted(name.confidence, key.confidence))


def against(finding: Finding) -> str:
    """A reason that speaks against: what else was said, by what."""
    return f"against: {finding.method} {finding.code or 'else'} ({'; '.join(finding.reasons)})"


def _agreement(key: Finding, name: Finding) -> float:
    a, b = key.confidence, name.confidence
    if len(key.code) >= _FULL and len(name.code) >= _FULL:
        # Both would have to be wrong, and in the same way.
        return max(a, b, min(MOST, 1 - (1 - a) * (1 - b)))
    if len(name.code) < _FULL:
        return a
    # The key names the group alone: that leaves the name's errors within the group.
    return max(b, min(MOST, b / (b + (1 - b) * _SAME_GROUP)))


def _contradicted(a: float, b: float) -> float:
    """Chance of a where a and b, independent before, cannot both be right.

    >>> round(_contradicted(0.93, 0.9), 2), _contradicted(1.0, 1.0)
    (0.57, 0.5)
    """
    wrong_b, wrong_a = a * (1 - b), b * (1 - a)
    total = wrong_b + wrong_a + (1 - a) * (1 - b)
    return wrong_b / total if total else 0.5
