"""Puts the commands together and turns expected errors into one line and an exit status."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import (
    alerts,
    backtest,
    classify,
    doctor,
    flow,
    processes,
    publish,
    quality,
    questions,
    recode,
    reconcile,
    review,
    rulebook,
    show,
    simulate,
    store,
    system,
    taxonomy,
)
from deploy.cli.common import State, say, version_text
from deploy.errors import DeployError
from deploy.lean import without_pandas

# Tracebacks with local variables would print secrets.
app = typer.Typer(
    name="infopump",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    flow,
    classify,
    system,
    processes,
    store,
    publish,
    quality,
    questions,
    recode,
    reconcile,
    review,
    taxonomy,
    alerts,
    backtest,
    rulebook,
    doctor,
    show,
    simulate,
):
    module.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(version_text())
        raise typer.Exit


@app.callback(epilog="Settings come from INFOPUMP_… variables and infopump.toml: see `infopump settings`.")
def root(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the system keeps its data.", file_okay=False, show_default=False)
    ] = None,
    version: Annotated[  # noqa: ARG001 (its callback has done the work)
        bool, typer.Option("--version", help="Print the version and leave.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """infopump 信息泵: real-time market price surveillance, from the till to the supply alert.

    Exit status: 0 done, 1 the check says no or it failed, 2 wrong use.
    """
    context.obj = State({"data_dir": data_dir} if data_dir else {})


def main() -> None:
    """Entry point of ``infopump``."""
    without_pandas()
    try:
        app()
    except DeployError as error:
        say(f"infopump: {error}")
        sys.exit(error.exit_status)
