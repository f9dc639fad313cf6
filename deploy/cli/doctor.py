"""``doctor``: whether everything that is needed is here and well."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from deploy.cli.common import settings_of

MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: infopump doctor --json")(doctor)


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array of findings.")] = False,
) -> None:
    """Check that everything needed is here and well.

    Looks at the installation, the data directory, the broker and every process; exit status 1 where something is bad.
    """
    from deploy.checks import examine

    findings = list(examine(settings_of(context)))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            advice = f"  ->  {finding.advice}" if finding.advice else ""
            typer.echo(f"{MARKS[finding.verdict]}  {finding.check:<15} {finding.found}{advice}")
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)
