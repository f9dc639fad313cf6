"""``settings``, ``version``: what this installation is."""

import json
from typing import Annotated

import typer

from deploy.cli.common import settings_of, state_of, version_text


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump settings | grep kafka")(settings)
    app.command(epilog="Example: infopump version")(version)


def settings(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array of key, value (as TOML), source.")] = False,
) -> None:
    """Print every setting in force and its source.

    The output is TOML; secrets are masked.
    """
    from deploy.settings import MASK, UNSET, rows

    table = list(rows(settings_of(context), state_of(context).overrides))
    if as_json:
        typer.echo(json.dumps([{"key": k, "value": v, "source": s} for k, v, s in table], ensure_ascii=False))
        return
    width = max(len(f"{key.rpartition('.')[2]} = {value}") for key, value, _ in table if len(value) < 40)
    above = ""
    for key, value, source in table:
        section, _, name = key.rpartition(".")
        if section != above:
            typer.echo(f"\n[{section}]")
            above = section
        # What stands for no value, or hides one, is a comment: the rest can be kept as a file.
        text = f"{name} = {value}" if value not in (UNSET, f'"{MASK}"') else f"# {name} = {value}"
        typer.echo(f"{text:<{width}}  # {source}")


def version() -> None:
    """Print the version."""
    typer.echo(version_text())
