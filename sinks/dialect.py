"""One source of tables, several engines: how a statement of a migration is said to each.

The migrations are written for the newest engine, in process or in one server, which takes them as they are. A cluster
gets, of every table that is shared out among its shards, the replicated table ``name_local`` on each node and a
distributed table ``name`` over them, so that a question reads the same everywhere; tables that lines are joined with
stand whole on every node. The server of 2018 that Debian ships (18.16) is spoken to as well: without codecs,
milliseconds and views for readers it is no place for a market, but a real process to try the transport and crashes on.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

Version = tuple[int, ...]

CLUSTER_SINCE: Final[Version] = (24, 8)
"""From here on one ``insert_deduplication_token`` covers a block in its table and in the targets of all views."""
PLAIN_SINCE: Final[Version] = (21, 12)
"""From here on the engine takes the tables as they are written (Bool came last)."""
SHOWN_SINCE: Final[Version] = (24, 4)
"""From here on a view may look with the rights of its maker: what ``sinks.shown`` makes needs that."""

WHOLE: Final = frozenset(
    {
        *("schema_versions", "taxonomy", "regions", "lunar_dates", "skus", "decisions", "terminal_records"),
        *("enterprise_records", "signals", "signals_copied", "alerts", "alert_actions"),
    }
)
"""Tables that a cluster keeps whole on every node; the others are shared out."""
_SHARD_BY: Final = "cityHash64(terminal_id)"
"""A terminal's lines and what takes them back stand in one shard, which therefore answers for them alone."""
_MEMORY_SECONDS: Final = 366 * 24 * 3600
"""How long a replicated table remembers a block: a writer that was off for so long must still find its pending one."""

_TABLE: Final = re.compile(
    r"CREATE TABLE IF NOT EXISTS (?P<name>\w+) \((?P<columns>.*)\)\s*ENGINE = (?P<engine>\w+)(?P<args>\(.*?\)+)?"
    r"(?P<rest>\s.*|)",
)
_VIEW: Final = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (?P<name>\w+) TO (?P<target>\w+) AS (?P<select>.*)")
_VIEW_TO_READ: Final = re.compile(r"CREATE (?:OR REPLACE VIEW|VIEW IF NOT EXISTS) [\w.]+")
_FILL: Final = re.compile(r"INSERT INTO (?P<table>\w+) (?P<select>.*?)(?:SETTINGS (?P<settings>.*))?")
_FROM: Final = re.compile(r"\bFROM (\w+)")
_CODEC: Final = re.compile(r"\s*\bCODEC\((?:[^()]|\([^()]*\))*\)")
_SETTINGS: Final = re.compile(r"\s*\bSETTINGS\b.*")
_WINDOW: Final = "non_replicated_deduplication_window"
_NOT_IN_2018: Final = re.compile(
    # Views for readers (joins of views, windows, parameters); who was there (SimpleAggregateFunction); lifetimes; a
    # rollup that follows a rollup.
    r"CREATE (?:OR REPLACE )?VIEW |.*\b(?:presence|contributions_1d)\b|ALTER TABLE \w+ (?!ADD COLUMN|DROP COLUMN)|"
    r"CREATE MATERIALIZED VIEW .* TO cells_1d "
)


class DialectError(ValueError):
    """A statement has a form that is not known here."""


class Kind(Enum):
    """What a store speaks to."""

    PLAIN = "plain"
    """the engine in this process, or one server"""
    CLUSTER = "cluster"
    OLD = "old"
    """a server older than PLAIN_SINCE"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How statements are said: ``cluster`` is the cluster's name in the servers' settings, ``database`` ours in it."""

    kind: Kind = Kind.PLAIN
    cluster: str = ""
    database: str = ""

    def render(self, statement: str) -> tuple[str, ...]:
        """The statements, none or more, that do on this engine what ``statement`` of a migration does.

        Raises DialectError where a cluster would have to guess what is meant.
        """
        text = " ".join(statement.split())
        match self.kind:
            case Kind.PLAIN:
                return (text,)
            case Kind.OLD:
                return _old(text)
            case Kind.CLUSTER:
                return tuple(self._clustered(text))

    def adds(self, statement: str) -> tuple[str, str] | None:
        """Table and column where a rendered statement adds one, and the engine must be asked first if it is there."""
        found = re.match(r"ALTER TABLE (\w+) ADD COLUMN (?!IF )(\w+)", statement)
        return (found[1], found[2]) if found else None

    def stored_in(self, table: str) -> str:
        """The table that holds the rows of ``table`` on one node."""
        return f"{table}_local" if self.kind is Kind.CLUSTER and table not in WHOLE else table

    def _clustered(self, text: str) -> Iterator[str]:
        on = f" ON CLUSTER '{self.cluster}'"
        if found := _TABLE.fullmatch(text):
            yield from self._table(found, on)
        elif found := _VIEW.fullmatch(text):
            yield (
                f"CREATE MATERIALIZED VIEW IF NOT EXISTS {found['name']}{on} TO {self.stored_in(found['target'])} AS "
                + _FROM.sub(lambda source: f"FROM {self.stored_in(source[1])}", found["select"])
            )
        elif found := _FILL.fullmatch(text):
            # Each shard fills its own from its own.
            settings = ", ".join(
                filter(None, ((found["settings"] or "").strip(), "parallel_distributed_insert_select = 2"))
            )
            yield f"INSERT INTO {found['table']} {found['select'].strip()} SETTINGS {settings}"
        elif found := _VIEW_TO_READ.match(text):
            yield f"{found[0]}{on}{text[found.end() :]}"
        elif found := re.fullmatch(r"DROP (VIEW|TABLE) IF EXISTS (\w+)", text):
            stored = self.stored_in(found[2]) if found[1] == "TABLE" else found[2]
            yield from (f"DROP {found[1]} IF EXISTS {name}{on} SYNC" for name in dict.fromkeys((found[2], stored)))
        elif text.startswith("CREATE DATABASE ") or self._is_renaming_of_whole(text):
            yield text + on
        elif found := re.fullmatch(r"(TRUNCATE TABLE IF EXISTS|ALTER TABLE) (\w+)(.*)", text):
            yield from self._change(found[1], found[2], found[3], on)
        else:
            raise DialectError(
                f"expected a statement of a known form, got {text[:80]}: say it for a cluster in {__name__}"
            )

    def _is_renaming_of_whole(self, text: str) -> bool:
        found = re.fullmatch(r"RENAME TABLE IF EXISTS (\w+) TO (\w+)", text)
        return found is not None and WHOLE.issuperset(found.groups())

    def _table(self, found: re.Match[str], on: str) -> Iterator[str]:
        name, local = found["name"], self.stored_in(found["name"])
        # By the table's own number: a table that is dropped and made again, or renamed, is in nobody's way.
        path = f"'/clickhouse/tables/{{uuid}}/{'{shard}' if local != name else 'all'}', '{{replica}}'"
        args = (found["args"] or "")[1:-1]
        engine = f"Replicated{found['engine']}({path}{args and ', '}{args})"
        rest = found["rest"].replace(_WINDOW, "replicated_deduplication_window").strip()
        if "replicated_deduplication_window" in rest:
            rest += f", replicated_deduplication_window_seconds = {_MEMORY_SECONDS}"
        yield f"CREATE TABLE IF NOT EXISTS {local}{on} ({found['columns']}) ENGINE = {engine} {rest}"
        if local != name:
            by = f", {_SHARD_BY}" if re.search(r"\bterminal_id\b", found["columns"]) else ""
            yield (
                f"CREATE TABLE IF NOT EXISTS {name}{on} AS {local} "
                f"ENGINE = Distributed('{self.cluster}', '{self.database}', '{local}'{by})"
            )

    def _change(self, verb: str, name: str, what: str, on: str) -> Iterator[str]:
        yield f"{verb} {self.stored_in(name)}{on}{what}"
        # The table above knows columns only: it has no rows, lifetime or projection of its own.
        if self.stored_in(name) != name and re.match(r"\s+(ADD|DROP|MODIFY|RENAME) COLUMN ", what):
            yield f"{verb} {name}{on}{_CODEC.sub('', what)}"


def _old(text: str) -> tuple[str, ...]:
    if _NOT_IN_2018.match(text):
        return ()
    said = _SETTINGS.sub("", _CODEC.sub("", text))
    for new, old in (
        (r"DateTime64\(3, 'UTC'\)", "DateTime('UTC')"),
        (r"\bnow64\(3\)", "now()"),
        (r"\bBool\b", "UInt8"),
        (r"\bDROP VIEW\b", "DROP TABLE"),
        (r"\bADD COLUMN IF NOT EXISTS\b", "ADD COLUMN"),
        (r"\bRENAME TABLE IF EXISTS\b", "RENAME TABLE"),
        (r"\bTTL\b.*", ""),
    ):
        said = re.sub(new, old, said)
    return tuple(_without_alias(said.strip()))


def _without_alias(said: str) -> Iterator[str]:
    """``sum(l.amount) AS amount`` makes it take every ``l.amount`` for the sum: the column gets a second name."""
    found = re.search(r"\bFROM (\w+) AS l\b", said)
    if found is None:
        yield said
        return
    for name in sorted(set(re.findall(r"\bl\.(\w+)", said))):
        yield f"ALTER TABLE {found[1]} ADD COLUMN l_{name} Int64 MATERIALIZED {name}"
    yield re.sub(r"\bl\.(\w+)", r"l_\1", said).replace(found[0], f"FROM {found[1]}")


def dialect_of(version: Version, cluster: str, database: str) -> Dialect:
    """What a server of ``version`` is spoken to in. Raises DialectError where it cannot be part of a cluster."""
    if cluster:
        if version < CLUSTER_SINCE:
            raise DialectError(
                f"expected a cluster of servers of version {'.'.join(map(str, CLUSTER_SINCE))} or later, got "
                f"{'.'.join(map(str, version))}: update them, or use one server"
            )
        return Dialect(Kind.CLUSTER, cluster, database)
    return Dialect(Kind.PLAIN if version >= PLAIN_SINCE else Kind.OLD, "", database)
