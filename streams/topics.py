"""Topic names, keys and how long each is kept; ``ensure`` creates what is missing and can be repeated."""

from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

RAW: Final = "pos.raw"
CLEAN: Final = "pos.clean"
REJECTED: Final = "pos.rejected"
CELLS: Final = "market.cells"
SIGNALS: Final = "signals"
ALERTS: Final = "alerts"
COMMANDS: Final = "alert.commands"
REGISTRY: Final = "registry"
HEARTBEATS: Final = "heartbeats"
SKUS: Final = "skus"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``partitions`` None means the setting ``kafka.partitions``; 1 where the total order matters."""

    name: str
    key: str
    retention_ms: int | None
    compacted: bool = False
    partitions: int | None = None
    max_message_bytes: int = 1 << 20
    extra: dict[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, str]:
        """The broker's settings of this topic."""
        policy = "compact,delete" if self.compacted and self.retention_ms else "compact" if self.compacted else "delete"
        return {
            "cleanup.policy": policy,
            "retention.ms": str(self.retention_ms if self.retention_ms is not None else -1),
            "max.message.bytes": str(self.max_message_bytes),
            **self.extra,
        }


TOPICS: Final = (
    # Twice the limit of an envelope: one that is too large is refused with a reason, not lost at the producer.
    Topic(RAW, "terminal_id", 7 * DAY_MS, max_message_bytes=2 << 20),
    Topic(CLEAN, "terminal_id", 3 * DAY_MS, max_message_bytes=8 << 20),
    # A refused envelope travels whole, in base64, with its reasons.
    Topic(REJECTED, "terminal_id", 30 * DAY_MS, max_message_bytes=8 << 20),
    Topic(CELLS, "city", DAY_MS, max_message_bytes=8 << 20),
    Topic(SIGNALS, "family of the kind", 7 * DAY_MS),
    Topic(ALERTS, "alert id", 90 * DAY_MS, compacted=True, partitions=1),
    Topic(COMMANDS, "alert id", None, compacted=True, partitions=1),
    # Whoever reads within a week sees every decision, also those that a later one on the same article replaces.
    Topic(REGISTRY, "entity id", None, compacted=True, partitions=1, extra={"min.compaction.lag.ms": str(7 * DAY_MS)}),
    Topic(HEARTBEATS, "terminal_id", DAY_MS),
    Topic(SKUS, "enterprise", 30 * DAY_MS, max_message_bytes=8 << 20),
)


class TopicError(RuntimeError):
    """A topic exists but not as the design says, and cannot be changed in place."""


def ensure(bootstrap: str, partitions: int, *, replication: int = 1, timeout: float = 30.0) -> dict[str, str]:
    """Create each topic that is missing and set the configuration of each that is there.

    Returns what was done by topic: ``created`` or ``configured``. Raises TopicError where a topic has another number
    of partitions than asked for, KafkaException where the broker refuses.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})
    existing = admin.list_topics(timeout=timeout).topics
    done: dict[str, str] = {}
    new = [t for t in TOPICS if t.name not in existing]
    wanted = {t.name: t.partitions or partitions for t in TOPICS}
    if new:
        futures = admin.create_topics(
            [
                NewTopic(t.name, num_partitions=wanted[t.name], replication_factor=replication, config=t.config())
                for t in new
            ],
            operation_timeout=timeout,
        )
        for name, future in futures.items():
            future.result(timeout)
            done[name] = "created"
    for t in TOPICS:
        if t.name in done:
            continue
        has = len(existing[t.name].partitions)
        if has != wanted[t.name]:
            raise TopicError(
                f"topic {t.name}: expected {wanted[t.name]} partitions, has {has}. Keys cannot move under their state: "
                "set kafka.partitions to what is there, or drain the system and create the topic anew"
            )
        done[t.name] = "configured"
    _configure(admin, [t for t in TOPICS if done[t.name] != "created"], timeout)
    return done


def _configure(admin: AdminClient, topics: list[Topic], timeout: float) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            t.name,
            incremental_configs=[
                ConfigEntry(k, v, incremental_operation=AlterConfigOpType.SET) for k, v in t.config().items()
            ],
        )
        for t in topics
    ]
    if not resources:
        return
    for resource, future in admin.incremental_alter_configs(resources).items():
        try:
            future.result(timeout)
        except KafkaException as error:
            raise TopicError(f"topic {resource.name}: {error}") from error
