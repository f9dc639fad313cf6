"""``notebook-examples``: the questions that an analyst has, with their SQL."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.common import CommandError, WrongUse, say, settings_of


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("notebook-examples", epilog="Example: infopump notebook-examples --out questions.ipynb")(examples)


def examples(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(help="A notebook (.ipynb) or a page (.md) with all of them.", dir_okay=False, show_default=False),
    ] = None,
) -> None:
    """List twenty questions to the store, or write them with their SQL as a notebook or a page.

    `infopump query --question NAME` asks one of them.
    """
    from deploy.notebook import markdown, notebook
    from sinks.questions import questions

    if out is None:
        width = max(map(len, questions()))
        for one in questions().values():
            typer.echo(f"{one.name:<{width}}  {one.role:<7}  {one.title}")
        return
    if out.suffix == ".ipynb":
        text = notebook(settings_of(context).store_socket)
    elif out.suffix == ".md":
        text = markdown()
    else:
        raise WrongUse(f"notebook-examples: expected a file .ipynb or .md, got {out}")
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {out}: {error.strerror}") from error
    say(f"{len(questions())} questions written to {out}")
