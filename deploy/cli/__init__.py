"""The command ``infopump``: one word a job. Each command imports what it needs when it runs, not before."""

from deploy.cli.root import main

__all__ = ["main"]
