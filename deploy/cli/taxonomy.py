"""``taxonomy``: the commodities, their versions, and whether a change of them adds up."""

import json
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.common import CommandError, WrongUse, say, told

group = typer.Typer(
    help="The commodity taxonomy and its versions; codes are never re-used.",
    epilog="Example: infopump taxonomy show 0301",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(group, name="taxonomy")


@group.command(epilog="Example: infopump taxonomy show 03 --version 1")
def show(
    code: Annotated[str, typer.Argument(help="A code with all below it; by default everything.")] = "",
    version: Annotated[
        int | None, typer.Option(help="As it was in this version; by default as today.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array with an object for each node.")] = False,
) -> None:
    """Print the nodes: code, names, base unit, whether monitored and for emergencies.

    A code that does not hold is followed to the one that does today.
    """
    import msgspec

    from streams.taxonomy import as_of, current, history

    try:
        nodes = as_of(version if version is not None else history().version)
    except ValueError as error:
        raise WrongUse(f"taxonomy show: {error}") from error
    if code and code not in nodes:
        ended = history().validity.get(code)
        if ended is None:
            raise WrongUse(f"taxonomy show: there never was a code {code}")
        if version is not None:
            raise CommandError(f"{code} did not hold in version {version}")
        say(f"{code} ended with version {ended.until}; it is {current(code)} today")
        code = current(code)
    found = [node for node in nodes.values() if node.code.startswith(code)]
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for node in found:
        marks = " ".join(word for word, on in (("monitored", node.monitored), ("emergency", node.emergency)) if on)
        text = (
            f"{'  ' * (len(node.code) // 2 - 1)}{node.code} {node.name_zh}  {node.name_en}  {node.base_unit}  {marks}"
        )
        typer.echo(text.rstrip())


@group.command(epilog="Example: infopump taxonomy check --folder streams/data")
def check(
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where taxonomy.csv and taxonomy_changes.csv are; by default those of the package.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say whether the taxonomy and its changes add up; exit status 1 where they do not.

    Refused: a code that is used again, a parent or successor that does not hold, a cycle, a code that came or went
    without a change entry.
    """
    from streams.commodity import TaxonomyError, read_changes, read_nodes
    from streams.taxonomy import history
    from streams.taxonomy_history import History

    found = history()
    if folder is not None:
        with told(TaxonomyError, OSError, UnicodeDecodeError, KeyError):
            nodes, changes = (
                (folder / name).read_text(encoding="utf-8") for name in ("taxonomy.csv", "taxonomy_changes.csv")
            )
            found = History(read_nodes(nodes.splitlines()), read_changes(changes.splitlines()))
    faults = found.faults()
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise CommandError(f"the taxonomy does not add up: {len(faults)} faults")
    say(f"version {found.version}: {len(found.as_of(found.version))} nodes hold, {len(found.nodes)} ever did")


@group.command(epilog="Example: infopump taxonomy log")
def log(
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array with an object for each change.")] = False,
) -> None:
    """Print the changes, version by version."""
    import msgspec

    from streams.taxonomy import history

    changes = history().changes
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(changes), ensure_ascii=False))
        return
    for version in sorted({change.version for change in changes}):
        of = [change for change in changes if change.version == version]
        typer.echo(f"version {version}, {of[0].date}: {len(of)} changes")
        # The first version gives every code there was.
        for change in of if version > 1 else []:
            into = f" into {change.into}" if change.into else ""
            note = f": {change.note}" if change.note else ""
            typer.echo(f"  {change.change} {change.code}{into}{note} ({change.author})")
