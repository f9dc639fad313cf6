from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from streams.decisions import Decider, DecisionError, check, key_of
from streams.kafka import consumer_config
from streams.records import Decision
from streams.topics import REGISTRY, ensure

GOOD = Decision(
    decision_id="d-1",
    enterprise="E-decisions",
    sku="S-1",
    verdict="accepted",
    author="li",
    at=1,
    code="0101",
    name="大米",
)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"author": " "}, "author: expected a text"),
        ({"sku": ""}, "sku: expected a text"),
        ({"code": "0199"}, "code: expected a code of the taxonomy other than 99, got '0199'"),
        ({"code": "99"}, "code: expected a code of the taxonomy other than 99"),
        ({"verdict": "split"}, "code: expected none for the verdict 'split'"),
        ({"content": -1}, "content: expected g, ml"),
        ({"author": "x" * 65}, "author: expected at most 64 characters, got 65"),
        ({"note": "x" * 514}, "note: expected at most 513 characters"),
    ],
)
def test_a_decision_that_cannot_be_taken_says_which_field_is_wrong(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DecisionError, match=says):
        check(msgspec.structs.replace(GOOD, **changes))


def test_a_split_and_a_withdrawal_need_no_code() -> None:
    for verdict in ("split", "withdrawn"):
        changed: dict[str, Any] = {"verdict": verdict, "code": ""}
        assert check(msgspec.structs.replace(GOOD, **changed)).code == ""


@pytest.mark.e2e
def test_decisions_stand_in_the_registry_under_their_article(broker: str) -> None:
    ensure(broker, 4)
    other = msgspec.structs.replace(GOOD, sku="S-2", decision_id="d-2")
    Decider(broker)([GOOD, other])
    reader = Consumer(consumer_config(broker, "test-decisions"))
    partition = TopicPartition(REGISTRY, 0, 0)
    _, end = reader.get_watermark_offsets(partition, timeout=10)
    reader.assign([partition])
    found: dict[str, Decision] = {}
    while len(found) < 2:
        for message in reader.consume(100, 5.0):
            if (message.key() or b"").startswith(b"decision/E-decisions/"):
                found[(message.key() or b"").decode()] = msgspec.json.decode(message.value() or b"", type=Decision)
            assert (message.offset() or 0) < end
    reader.close()
    assert found == {key_of("E-decisions", "S-1"): GOOD, key_of("E-decisions", "S-2"): other}
