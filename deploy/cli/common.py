"""What the commands share: the settings in force, where results and talk go, and how expected errors are told."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import typer

from deploy.errors import DeployError
from deploy.settings import Settings, load


class CommandError(DeployError):
    """A command cannot do what it was asked."""


class WrongUse(CommandError):  # noqa: N818 (what is the case, not what went wrong)
    """The command line asks for something that does not exist."""

    exit_status = 2


@dataclass
class State:
    """What the words before the command have set."""

    overrides: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises SettingsError."""
        return load(**self.overrides)


def state_of(context: typer.Context) -> State:
    """The state of this call."""
    state = context.find_object(State)
    return state if state is not None else State()


def settings_of(context: typer.Context) -> Settings:
    """The settings in force. Raises SettingsError."""
    return state_of(context).settings


def say(text: str) -> None:
    """Talk: to standard error, never mixed with results."""
    typer.echo(text, err=True)


def version_text() -> str:
    """Name and version."""
    return f"infopump {version('infopump')}"


@contextmanager
def told(*kinds: type[Exception]) -> Iterator[None]:
    """Turns these errors, whose text says what to do, into one that ends the command with status 1."""
    try:
        yield
    except kinds as error:
        raise CommandError(str(error)) from error


def require(extra: str, *modules: str) -> None:
    """Raises CommandError where a module of an extra is not installed."""
    missing = [name for name in modules if name not in sys.modules and importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"this needs {', '.join(missing)}, which the extra `{extra}` brings: "
            f"{sys.executable} -m pip install 'infopump[{extra}]'"
        )


def no_writer(settings: Settings) -> CommandError:
    """The error where a store is asked and no writer serves it."""
    return CommandError(
        f"no writer runs on {settings.data_dir}: start one with `infopump up` or `infopump writer`, or name the data "
        "of the one that runs with --data-dir"
    )


def find_bootstrap(settings: Settings) -> str:
    """The broker to use: the one that the settings name, or one that runs on the data directory.

    Raises CommandError where there is none.
    """
    from deploy import runfile
    from deploy.broker import running_at

    if settings.kafka.bootstrap:
        return settings.kafka.bootstrap
    running = runfile.read(settings.data_dir)
    found = running.bootstrap if running else running_at(settings.data_dir)
    if not found:
        raise CommandError(
            f"no broker: set INFOPUMP_KAFKA__BOOTSTRAP=host:port, or start one with `infopump up` or `infopump broker` "
            f"(looked in {settings.data_dir})"
        )
    return found
