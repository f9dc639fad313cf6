"""``reconcile``: proof that nothing was lost and nothing counted twice."""

from datetime import datetime
from typing import Annotated

import typer

from deploy.cli.common import CommandError, find_bootstrap, say, settings_of, told


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump reconcile --day 2026-03-11")(reconcile)


def reconcile(
    context: typer.Context,
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="One day, in China's time; by default all.")
    ] = None,
    wait: Annotated[float, typer.Option(min=0.0, help="Seconds for the stages to catch up.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object with everything.")] = False,
) -> None:
    """Prove, per terminal and day: acknowledged = in pos.raw = stored + refused = sums of the rollups.

    Prints what differs; exit status 1 where anything does. Days count by when an envelope was sent, those of rollups by
    when a line happened.
    """
    import dataclasses

    import msgspec
    import pyarrow as pa
    from confluent_kafka import KafkaException
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from deploy.reconciling import Reconciliation, lines_of
    from sinks.query import QueryError, ask

    settings = settings_of(context)
    bootstrap = find_bootstrap(settings)

    def answer(sql: str) -> pa.Table:
        return ask(settings.store_socket, sql)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar, told(QueryError, KafkaException):
        tasks = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        result = Reconciliation(bootstrap, answer, patience=wait, progress=progress).run(day.date() if day else None)
    if as_json:
        typer.echo(msgspec.json.encode(dataclasses.asdict(result) | {"equal": result.equal}).decode())
    else:
        typer.echo("\n".join(lines_of(result)))
    if not result.counts:
        say("no envelope stands in pos.raw or in the store for that time")
    if not result.equal:
        raise CommandError("it does not add up: see above")
