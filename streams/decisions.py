"""A person's decisions on what articles are: checked, and written to the topic ``registry``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from streams import envelope
from streams.kafka import producer_config
from streams.records import Decision
from streams.taxonomy import UNCLASSIFIED, taxonomy
from streams.topics import REGISTRY

MAX_TEXT: Final = 2 * envelope.MAX_TEXT + 1
"""A SKU that was split by name is SKU, separator and name."""
MAX_AUTHOR: Final = 64
_NEEDS_CODE: Final = ("accepted", "corrected")


class DecisionError(ValueError):
    """A decision cannot be taken; the message names the field, what was expected and what came."""


class NotWritten(RuntimeError):  # noqa: N818 (what is the case, not what went wrong)
    """The broker did not acknowledge a decision: it may or may not stand in the topic; deciding again does no harm."""


def key_of(enterprise: str, sku: str) -> str:
    """Key of an article's decision in the topic: the last one holds."""
    return f"decision/{enterprise}/{sku}"


def check(decision: Decision) -> Decision:
    """The decision itself. Raises DecisionError where it cannot be taken."""
    for field in ("decision_id", "enterprise", "sku", "author"):
        if not getattr(decision, field).strip():
            raise DecisionError(f"{field}: expected a text, got none")
    if len(decision.author) > MAX_AUTHOR:
        raise DecisionError(f"author: expected at most {MAX_AUTHOR} characters, got {len(decision.author)}")
    for field in ("enterprise", "sku", "unit", "brand", "name", "barcode", "category", "tax_code", "note"):
        length = len(getattr(decision, field))
        if length > MAX_TEXT:
            raise DecisionError(f"{field}: expected at most {MAX_TEXT} characters, got {length}")
    if decision.verdict in _NEEDS_CODE:
        if decision.code not in taxonomy() or decision.code == UNCLASSIFIED:
            raise DecisionError(f"code: expected a code of the taxonomy other than 99, got {decision.code!r}")
    elif decision.code:
        raise DecisionError(f"code: expected none for the verdict {decision.verdict!r}, got {decision.code!r}")
    if decision.content < 0:
        raise DecisionError(f"content: expected g, ml or thousandths of a piece from 0 up, got {decision.content}")
    return decision


@dataclass(frozen=True, slots=True)
class Decider:
    """Writes decisions to the broker at ``bootstrap``."""

    bootstrap: str
    timeout: float = 15.0

    def __call__(self, decisions: Sequence[Decision]) -> None:
        """Check all, then write all and wait for the acknowledgements.

        Raises DecisionError before anything was written, NotWritten where the broker does not answer in time.
        """
        for decision in decisions:
            check(decision)
        producer = Producer(producer_config(self.bootstrap, **{"linger.ms": 1}))
        errors: list[str] = []

        def report(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                errors.append(str(error))

        for decision in decisions:
            key = key_of(decision.enterprise, decision.sku).encode()
            producer.produce(REGISTRY, key=key, value=msgspec.json.encode(decision), on_delivery=report)
            producer.poll(0)
        waiting = producer.flush(self.timeout)
        if errors or waiting:
            why = errors[0] if errors else f"no answer within {self.timeout:g} s"
            raise NotWritten(f"{len(errors) + waiting} of {len(decisions)} decisions are not acknowledged: {why}")
