"""What the embedded Kafka is told: the settings of a single node on the loopback, and how it logs.

Paths are relative to the working directory of the Java process: a comma, a percent sign or a Chinese character in the
name of the data directory means nothing to Kafka or log4j then.
"""

from typing import Final

from deploy.processes import LOOPBACK

DATA: Final = "data"
LOG: Final = "broker.log"


def server_properties(port: int, controller: int) -> str:
    """``server.properties``: clients reach it at ``port``, its own controller at ``controller``, both on 127.0.0.1."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": DATA,
        # One node: nothing can be copied elsewhere, and 50 partitions of offsets would only cost files.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # A group starts at once instead of waiting 3 s for members that are not coming.
        "group.initial.rebalance.delay.ms": 0,
        # A misspelt topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "message.max.bytes": 8 << 20,
        "replica.fetch.max.bytes": 8 << 20,
        "socket.request.max.bytes": 64 << 20,
        # Whole segments are what retention deletes.
        "log.segment.bytes": 128 << 20,
        "log.cleaner.enable": "true",
        # The default of 128 MiB is a quarter of the heap, for topics of a few thousand keys.
        "log.cleaner.dedupe.buffer.size": 16 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def log_config() -> str:
    """``log4j2.xml``: one readable file, at most four of 10 MB, with what starts, stops and regroups, and all warnings.

    The shutdown hook is Kafka's business: log4j's own would close the file before the last lines.
    """
    loud = (
        "kafka.server.KafkaRaftServer",
        "kafka.server.BrokerServer",
        "org.apache.kafka.common.utils",
        "org.apache.kafka.coordinator.group",
    )
    loggers = "\n".join(f'    <Logger name="{name}" level="INFO"/>' for name in loud)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName="{LOG}" filePattern="{LOG}.%i">
      <PatternLayout charset="UTF-8" pattern="%d{{yyyy-MM-dd HH:mm:ss.SSS}} %-5level %c{{1}}: %msg%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="3"/>
    </RollingFile>
  </Appenders>
  <Loggers>
{loggers}
    <Root level="WARN"><AppenderRef ref="file"/></Root>
  </Loggers>
</Configuration>
"""
