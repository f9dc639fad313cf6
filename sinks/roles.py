"""Who may ask what: writer, analyst, auditor, publisher.

Analysts and publishers each have a database of views (``sinks.shown``) that names no enterprise, or no shop and no
article; what a role is not granted the engine itself refuses, in the embedded store as on a server.
"""

from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

import pyarrow as pa

from sinks.schema import DATABASE
from sinks.statements import Rights


class Role(StrEnum):
    """What a connection may do."""

    WRITER = "writer"
    """inserts, migrations, look-ups of the store itself"""
    ANALYST = "analyst"
    """views that give no enterprise away by themselves"""
    AUDITOR = "auditor"
    """reads everything; each question is written down"""
    PUBLISHER = "publisher"
    """what enterprises contributed to a published table, and nothing else of a line"""


ASKING: Final = (Role.ANALYST, Role.AUDITOR, Role.PUBLISHER)


@runtime_checkable
class RoleStore(Protocol):
    """A store that holds each question to a role."""

    def query_as(self, role: Role, sql: str) -> pa.Table:
        """The answer to one read-only statement. Raises QueryError, QueryRefusedError."""


def database_of(role: Role, database: str = DATABASE) -> str:
    """The database that a role's unqualified names are looked up in."""
    return f"{database}_{role}" if role in (Role.ANALYST, Role.PUBLISHER) else database


def rights_of(role: Role, database: str = DATABASE) -> Rights:
    """What the form of a role's statement may be; whether the tables in it may be read is for the engine to say.

    An analyst is shown no plan and no text of a view: there the p of the rule stands, and counts of hidden rows. The
    tables of ``system`` tell of others' questions.
    """
    if role in (Role.ANALYST, Role.PUBLISHER):
        return Rights(frozenset({database_of(role, database)}), explains=False)
    ours = (database_of(one, database) for one in ASKING)
    return Rights(frozenset({*ours, "system", "information_schema"}))
