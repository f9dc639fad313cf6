"""``setup``, ``up``, ``broker``, ``topics``: the system as a whole."""

import sys
from typing import Annotated

import typer

from deploy.cli.common import find_bootstrap, require, say, settings_of, told


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump setup")(setup)
    app.command(epilog="Example: infopump --data-dir /srv/infopump up")(up)
    app.command(epilog="Example: infopump broker")(broker)
    app.command(epilog="Example: INFOPUMP_KAFKA__BOOTSTRAP=kafka-1:9092 infopump topics")(topics)


def setup() -> None:
    """Fetch Kafka's jars and check them. Repeat it as you like.

    They come into the cache of the user; every hash is compared with the lock.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from deploy import jars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Kafka", total=None)

        def show(done: int, total: int, read: int) -> None:
            bar.update(task, completed=read, description=f"Kafka: {done} of {total} jars")

        paths = jars.ensure(show)
    say(f"Kafka {jars.KAFKA_VERSION} is ready: {len(paths)} jars, every hash checked, in {paths[0].parent}")


def up(context: typer.Context) -> None:
    """Run everything on this machine until Ctrl-C.

    That is Kafka (unless kafka.bootstrap names a cluster), the workers, the writer and the gateway.
    """
    from deploy.local import LocalSystem, interruptible
    from streams.topics import TopicError

    require("all", "faust", "chdb", "uvicorn", "psutil")
    settings = settings_of(context)
    with interruptible(), told(TopicError):
        try:
            with LocalSystem(settings, talk=say) as system:
                typer.echo(f"board      {system.gateway_url}/")
                typer.echo(f"WebSocket  {system.gateway_url.replace('http', 'ws', 1)}/ws")
                typer.echo(f"Kafka      {system.bootstrap}")
                typer.echo(f"logs       {system.logs}")
                sys.stdout.flush()
                say("running; Ctrl-C stops everything")
                system.wait()
        except KeyboardInterrupt:
            say("stopped")


def broker(context: typer.Context) -> None:
    """Run the embedded Kafka until Ctrl-C, on 127.0.0.1 only."""
    from deploy.broker import Broker
    from deploy.guard import watch_parent
    from deploy.local import interruptible

    settings = settings_of(context)
    watch_parent(30)
    with interruptible():
        try:
            with Broker(settings.data_dir, port=settings.kafka.port, heap_mb=settings.kafka.heap_mb) as node:
                typer.echo(node.bootstrap)
                sys.stdout.flush()
                say(f"Kafka runs, its log is {node.log}; Ctrl-C stops it")
                node.wait()
        except KeyboardInterrupt:
            say("stopped")


def topics(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object: what was done, by topic.")] = False,
) -> None:
    """Create and configure the topics. Repeat it as you like."""
    import json

    from confluent_kafka import KafkaException

    from streams.topics import TOPICS, TopicError, ensure

    settings = settings_of(context)
    bootstrap = find_bootstrap(settings)
    with told(TopicError, KafkaException):
        done = ensure(bootstrap, settings.kafka.partitions, replication=settings.kafka.replication)
    if as_json:
        typer.echo(json.dumps(done))
        return
    for topic in TOPICS:
        count = topic.partitions or settings.kafka.partitions
        policy = topic.config()["cleanup.policy"]
        kept = f"{topic.retention_ms // 86_400_000} d" if topic.retention_ms else "for ever"
        typer.echo(f"{topic.name:<14} {done[topic.name]:<11} {count:>3} partitions  {policy:<15} kept {kept}")
