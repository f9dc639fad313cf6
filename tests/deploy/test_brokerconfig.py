from xml.etree.ElementTree import fromstring

from deploy.brokerconfig import log_config, server_properties


def properties() -> dict[str, str]:
    return dict(line.split("=", 1) for line in server_properties(9092, 9093).splitlines())


def test_every_listener_is_on_the_loopback() -> None:
    found = properties()
    for key in ("listeners", "advertised.listeners"):
        assert all("://127.0.0.1:" in listener for listener in found[key].split(","))
    assert found["controller.quorum.voters"] == "1@127.0.0.1:9093"


def test_a_message_as_large_as_a_topic_allows_fits() -> None:
    from streams.topics import TOPICS

    largest = max(topic.max_message_bytes for topic in TOPICS)
    found = properties()
    assert int(found["message.max.bytes"]) >= largest
    assert int(found["replica.fetch.max.bytes"]) >= largest
    assert int(found["socket.request.max.bytes"]) > largest


def test_a_misspelt_topic_is_not_created() -> None:
    assert properties()["auto.create.topics.enable"] == "false"


def test_the_log_is_bounded_and_quiet_by_default() -> None:
    root = fromstring(log_config())  # noqa: S314 (our own text)
    assert root.find(".//SizeBasedTriggeringPolicy") is not None
    assert [node.get("level") for node in root.iter("Root")] == ["WARN"]
