"""``subscribe``: the alerts as they come, on a terminal or for a program."""

import sys
from typing import Annotated

import typer

from deploy.cli.common import require, say, settings_of
from deploy.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump subscribe --json | jq .data.level")(subscribe)


def subscribe(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(help="The gateway; by default the one that runs on the data directory.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One CloudEvent in JSON a line.")] = False,
) -> None:
    """Print every alert, and each change of one, as it comes.

    Ctrl-C leaves. After a break of the connection nothing is missed and nothing is repeated.
    """
    require("gateway", "websockets")
    from deploy.subscriber import subscribe as follow
    from deploy.words import alert_line
    from streams.records import encode

    settings = settings_of(context)
    token = settings.gateway.token
    base = url or _gateway_of(settings)
    say(f"alerts from {base}; Ctrl-C leaves")
    try:
        for event in follow(base, token.get_secret_value() if token else None, say):
            typer.echo(encode(event).decode() if as_json else alert_line(event.data))
            sys.stdout.flush()
    except KeyboardInterrupt:
        pass


def _gateway_of(settings: Settings) -> str:
    from deploy import runfile
    from deploy.children import reachable

    running = runfile.read(settings.data_dir)
    if running and running.gateway:
        return running.gateway
    return f"http://{reachable(settings.gateway.host)}:{settings.gateway.port}"
