"""The state table: its changelog is there before a worker joins its group."""

from pathlib import Path

from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from agents.app import ensure_changelog, make_app, state_table


def test_the_changelog_of_a_table_is_created_once_and_compacted(broker: str, tmp_path: Path) -> None:
    table = state_table(make_app("tested", broker, 3, tmp_path), "tested", 3)
    for _ in range(2):
        ensure_changelog(table, broker, 3)
    name = table.changelog_topic.get_topic_name()
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 3})
    assert len(admin.list_topics(timeout=30).topics[name].partitions) == 3
    asked = ConfigResource(ResourceType.TOPIC, name)
    config = admin.describe_configs([asked])[asked].result(timeout=30)
    assert (config["cleanup.policy"].value, config["max.message.bytes"].value) == ("compact", str(8 << 20))
