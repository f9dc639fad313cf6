"""What the embedded engine may do at all, and how much one reader may ask of it.

The engine runs in this process with the rights of this process, so its own rights are cut down: whatever is asked of
it, it has no grant to read files, open connections or run programs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from sinks.schema import DATABASE

_CONFIG: Final = """<clickhouse>
  <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
  <background_pool_size>2</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <mark_cache_size>268435456</mark_cache_size>
  <merge_tree><merge_selector_base>32</merge_selector_base></merge_tree>
</clickhouse>
"""
"""Parts are merged by 32 instead of by 5: a block adds a part to each of a dozen tables, and to merge these over and
over took half of the writer's time. A table at rest is merged further: the engine lowers the base with a part's age."""
_DATABASES: Final = (DATABASE, f"{DATABASE}_analyst", f"{DATABASE}_publisher")
_ENGINES: Final = ("MergeTree", "SummingMergeTree", "ReplacingMergeTree", "AggregatingMergeTree")
_GRANTS: Final = {
    "writer": (
        *(f"GRANT ALL ON {database}.*" for database in _DATABASES),
        *(f"GRANT TABLE ENGINE ON {engine}" for engine in _ENGINES),
        # Views are made to run with its rights.
        "GRANT SET DEFINER ON default",
        "GRANT SELECT ON system.*",
    ),
    "auditor": tuple(f"GRANT SELECT ON {database}.*" for database in (*_DATABASES, "system")),
    "analyst": (f"GRANT SELECT ON {DATABASE}_analyst.*",),
    "publisher": (f"GRANT SELECT ON {DATABASE}_publisher.*",),
}
"""What each role may do. The embedded engine knows one user alone; a connection that reads takes one of its roles."""


def _queries(grants: Iterable[str]) -> str:
    return "".join(f"<query>{grant}</query>" for grant in grants)


_USERS: Final = f"""<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <roles>
    {"".join(f"<{role}><grants>{_queries(grants)}</grants></{role}>" for role, grants in _GRANTS.items())}
  </roles>
  <users>
    <default>
      <no_password/>
      <profile>default</profile>
      <quota>default</quota>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <grants>{_queries(f"GRANT {role}" for role in _GRANTS)}</grants>
    </default>
  </users>
</clickhouse>
"""


def write_config(folder: Path) -> Path:
    """Write the engine's configuration into ``folder``; returns the file that it starts with."""
    folder.mkdir(parents=True, exist_ok=True)
    users, config = folder / "users.xml", folder / "config.xml"
    users.write_text(_USERS, encoding="utf-8")
    config.write_text(_CONFIG.format(users=escape(str(users))), encoding="utf-8")
    return config


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one question may take."""

    seconds: int = 60
    memory_bytes: int = 4 << 30
    result_rows: int = 2_000_000
    result_bytes: int = 256 << 20

    def settings(self) -> dict[str, int | str]:
        """Settings of the reading connection, in the order in which they must be set: ``readonly`` forbids more."""
        return {
            "max_execution_time": self.seconds,
            "max_memory_usage": self.memory_bytes,
            "max_result_rows": self.result_rows,
            "max_result_bytes": self.result_bytes,
            "result_overflow_mode": "throw",
            # Revisions that were delivered twice, and rollup rows that are not merged yet, count once.
            "final": 1,
            "asterisk_include_materialized_columns": 1,
            "readonly": 1,
        }
