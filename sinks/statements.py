"""Which statements a reader may ask, judged on the engine's own parse of them.

``readonly`` and the missing grants stop writes and most ways out of the process. They do not stop ``INTO OUTFILE``, the
function ``file``, ``SYSTEM``, ``KILL`` or a second statement after a semicolon: this does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sinks.schema import DATABASE, PARAMETERISED
from sinks.store import QueryRefusedError

_DESCRIBE: Final = re.compile(rf"\s*(describe|desc|show\s+create)\s+(table\s+)?({DATABASE}\.)?\w+\s*;?\s*", re.I | re.A)
"""Statements that the engine parses but shows no tree of; this form of them names one table and nothing else."""

_DATABASES: Final = frozenset(
    {DATABASE, f"{DATABASE}_analyst", f"{DATABASE}_publisher", "system", "information_schema"}
)
_TABLE_FUNCTIONS: Final = frozenset(
    {"numbers", "numbers_mt", "zeros", "values", "generateseries", "generate_series", "null", "view", "viewexplain"}
    | PARAMETERISED
)
_FORBIDDEN_FUNCTIONS: Final = frozenset(
    {
        *("file", "aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate", "airedact", "aisimilarity"),
        "aitranslate",
    }
)
"""Functions that read a file or call a service, and for which the engine asks no grant."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the form of a reader's statement may be. ``explains``: plans, and the text of views, may be shown."""

    databases: frozenset[str]
    explains: bool = True


AUDITORS: Final = Rights(_DATABASES)
"""Those of who may read every table."""


def is_description(sql: str, rights: Rights = AUDITORS) -> bool:
    """Whether ``sql`` only asks how one table looks: nothing in it that would have to be judged."""
    found = _DESCRIBE.fullmatch(sql)
    return found is not None and (rights.explains or not found[1].lower().startswith("show"))


def parse_request(sql: str) -> str:
    """The question to the engine that answers with the syntax tree of ``sql`` in JSON; it refuses two statements.

    Raises QueryRefusedError where there is a NUL in ``sql``, which cannot be quoted.
    """
    if "\0" in sql:
        raise QueryRefusedError("expected text, got a NUL character")
    quoted = sql.replace("\\", "\\\\").replace("'", "\\'")
    return f"SELECT parseQueryToJSON('{quoted}')"


def judge(tree: dict[str, Any], rights: Rights = AUDITORS) -> None:
    """Raises QueryRefusedError unless ``tree`` (the answer to ``parse_request``) is one read of our own tables."""
    if tree["type"] == "ExplainQuery" and not rights.explains:
        raise QueryRefusedError("expected no EXPLAIN: it is for auditors")
    root = tree["query"] if tree["type"] == "ExplainQuery" else tree
    if root["type"] not in ("SelectWithUnionQuery", "ShowTablesQuery"):
        raise QueryRefusedError(
            f"expected SELECT, WITH, EXPLAIN, DESCRIBE, SHOW TABLES or SHOW CREATE, got {root['type']}"
        )
    for node in _nodes(tree):
        _judge_node(node, rights)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            yield current
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)


def _judge_node(node: dict[str, Any], rights: Rights) -> None:
    if "out_file" in node:
        raise QueryRefusedError("expected no INTO OUTFILE: the answer comes back to you, write it there")
    if "format_ast" in node:
        raise QueryRefusedError("expected no FORMAT: the answer is an Arrow stream")
    if node.get("type") == "SetQuery":
        raise QueryRefusedError("expected no SETTINGS: the limits of a reader are fixed")
    if node.get("type") == "TableIdentifier" and len(parts := node.get("name_parts", [])) > 1:
        _judge_name(parts[0].lower(), rights.databases, "database")
    if "table_function" in node:
        _judge_name(node["table_function"]["name"].lower(), _TABLE_FUNCTIONS, "table function")
    for name in _called(node):
        if name in _FORBIDDEN_FUNCTIONS:
            raise QueryRefusedError(f"the function {name} is not for readers")


def _judge_name(name: str, allowed: frozenset[str], what: str) -> None:
    if name not in allowed:
        raise QueryRefusedError(f"expected a {what} among {', '.join(sorted(allowed))}, got {name}")


def _called(node: dict[str, Any]) -> Iterator[str]:
    """Names of functions in a node; a bare name may be one too, where a function is handed to another."""
    if node.get("type") in ("Function", "Identifier"):
        yield node["name"].lower()
    if "func_name" in node:
        yield node["func_name"].lower()
