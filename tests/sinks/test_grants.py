"""The statements of a server's administrator: the embedded engine carries them out as far as it keeps no users.

What they grant holds in ``test_server_roles.py``.
"""

import hashlib
from collections.abc import Iterator

import pytest
from clickhouse_driver import errors

from sinks.grants import GrantError, Server, create_user, script, statements
from sinks.roles import Role
from tests.sinks.server_engine import ADMINISTRATOR, SAID, Client, EngineStore, write_config

PASSWORD = "correct horse battery"
NOWHERE_TO_KEEP_IT = {495, 514}
"""What the engine says once all of a statement is understood: names, privileges, settings with their values."""


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Who may do everything, where the tables stand."""
    address = write_config(tmp_path_factory.mktemp("grants"))
    store = EngineStore(address)
    store.migrate()
    made = Client(address, ADMINISTRATOR)
    yield made
    made.disconnect()
    store.close()


def test_engine_26_carries_out_every_statement_up_to_keeping_it(administrator: Client) -> None:
    for statement in SAID:
        if statement.startswith("CREATE DATABASE "):
            administrator.execute(statement)
            continue
        with pytest.raises(errors.ServerException) as kept:
            administrator.execute(statement)
        assert kept.value.code in NOWHERE_TO_KEEP_IT, statement


@pytest.mark.parametrize(
    "wrong",
    [
        "GRANT SELECT, FLY ON infopump.* TO infopump_writer",
        "GRANT SELECT ON infopump.* TO nobody",
        "CREATE SETTINGS PROFILE p SETTINGS max_execution_tims = 60 CONST TO infopump_analyst",
        "CREATE SETTINGS PROFILE p SETTINGS max_execution_time = 'long' CONST TO infopump_analyst",
        "CREATE ROW POLICY p ON infopump.sales USING 0 AS RESTRICTIVE TO nobody",
        "CREATE USER u IDENTIFIED WITH sha256_hash BY 'AB'",
    ],
)
def test_it_would_have_refused_a_statement_with_a_mistake(administrator: Client, wrong: str) -> None:
    with pytest.raises(errors.ServerException) as refused:
        administrator.execute(wrong)
    assert refused.value.code not in NOWHERE_TO_KEEP_IT


def test_the_engine_parses_every_statement_for_a_cluster(administrator: Client) -> None:
    server = Server("market", "main")
    users = [one for role in Role for one in create_user(server, f"u-{role}", role, PASSWORD)]
    for statement in (*statements(server), *users):
        assert administrator.execute(f"SELECT formatQuery('{_quoted(statement)}') AS said")
        assert " ON CLUSTER main" in statement
        assert "ROW POLICY" not in statement


def test_no_statement_for_one_server_names_a_cluster() -> None:
    assert not [one for one in SAID if "CLUSTER" in one]


def test_every_table_that_names_a_shop_or_an_enterprise_has_its_policies(administrator: Client) -> None:
    named = administrator.execute(
        "SELECT DISTINCT c.table FROM system.columns AS c JOIN system.tables AS t ON t.name = c.table "
        "AND t.database = c.database WHERE c.database = 'infopump' AND t.engine LIKE '%MergeTree' "
        "AND c.name IN ('enterprise', 'terminal_id')"
    )
    for (table,) in named:
        for name in ("hidden", "all"):
            assert any(f" infopump_{name} ON infopump.{table} " in one for one in SAID), table


def test_an_analyst_is_granted_views_alone_and_hidden_from_lines_by_a_second_wall() -> None:
    said = statements(Server("market"))
    granted = [one for one in said if one.startswith("GRANT") and one.endswith("TO market_analyst")]
    assert granted == ["GRANT SELECT ON market_analyst.* TO market_analyst"]
    hidden = [one for one in said if "USING 0 AS RESTRICTIVE TO market_analyst, market_publisher" in one]
    assert any(" ON market.sales " in one for one in hidden)
    assert all(
        sum(f"ROW POLICY OR REPLACE market_all ON {one.split(' ON ')[1].split(' ')[0]} " in two for two in said) == 1
        for one in hidden
    )


def _quoted(statement: str) -> str:
    return statement.replace("\\", "\\\\").replace("'", "\\'")


def test_a_password_is_never_in_what_is_printed_but_its_salted_hash_is() -> None:
    text = script(create_user(Server(), "li", Role.ANALYST, PASSWORD, salt="ab"))
    assert PASSWORD not in text
    assert hashlib.sha256((PASSWORD + "ab").encode()).hexdigest().upper() in text
    one, two = (script(create_user(Server(), "li", Role.ANALYST, PASSWORD)) for _ in range(2))
    assert one != two


@pytest.mark.parametrize(("name", "password"), [("li`; DROP USER x", PASSWORD), ("", PASSWORD), ("li", "short")])
def test_a_name_or_a_password_that_will_not_do_is_refused(name: str, password: str) -> None:
    with pytest.raises(GrantError, match="expected a"):
        create_user(Server(), name, Role.ANALYST, password)
