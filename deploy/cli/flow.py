"""The commands that play data through the whole flow: ``demo``, ``replay``."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.common import CommandError, WrongUse, require, say, settings_of, told


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump demo --once")(demo)
    app.command(epilog="Example: infopump replay daily_sales.csv --map cumcm2023c --json")(replay)


def demo(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="End when the story is told; 0 if its alert reached a WebSocket client.")
    ] = False,
) -> None:
    """A simulated market of 240 shops, four weeks of its past, then a salt rush, live on the board."""
    require("all", "faust", "chdb", "uvicorn", "psutil")
    from rich.console import Console

    from deploy.demo import Demo
    from deploy.local import interruptible
    from sinks.query import QueryError, StoreNotRunning
    from streams.terminal import DeliveryError

    def tell(text: str) -> None:
        typer.echo(text)

    with interruptible(), told(DeliveryError, QueryError, StoreNotRunning):
        try:
            outcome = Demo(settings_of(context), tell, Console(stderr=True)).run(once=once)
        except KeyboardInterrupt:
            say("stopped")
            return
    if outcome.verdict.rush_delay is None:
        raise CommandError("the rush raised no alert")
    if outcome.sent != outcome.books.stored:
        raise CommandError(f"the books do not add up: expected {outcome.sent} lines stored, got {outcome.books.stored}")


def replay(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV file, plain or .gz.", exists=True, dir_okay=False)],
    how: Annotated[
        str, typer.Option("--map", help="A column map: a TOML file, or the name of one that the package ships.")
    ],
    speed: Annotated[
        float | None,
        typer.Option(help="So many times as fast as it happened; by default as fast as it goes.", min=0.01),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Push a file of real sales through terminals, Kafka and everything behind it, on a system of its own."""
    require("all", "faust", "chdb", "uvicorn", "psutil")
    import msgspec
    from rich.console import Console

    from deploy.local import interruptible
    from deploy.replaying import play, summary_lines
    from sinks.query import QueryError, StoreNotRunning
    from streams.replay import MapError, load_map, read
    from streams.terminal import DeliveryError

    console = Console(stderr=True)
    try:
        with console.status(f"reading {file}"):
            source = read(file, load_map(how))
    except MapError as error:
        raise WrongUse(str(error)) from error
    with interruptible(), told(DeliveryError, QueryError, StoreNotRunning):
        try:
            played = play(source, settings_of(context), speed=speed, say=say, console=console)
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(1) from None
    if as_json:
        typer.echo(msgspec.json.encode(played.summary).decode())
    else:
        typer.echo("\n".join(summary_lines(played, source)))
