"""The statements of a server's administrator. The embedded engine keeps no users, but parses what makes them."""

import hashlib
from pathlib import Path

import pytest

from sinks.embedded import EmbeddedStore
from sinks.grants import GrantError, Server, create_user, script, statements
from sinks.roles import Role

PASSWORD = "correct horse battery"


def test_engine_26_parses_every_statement_of_one_server_and_of_a_cluster(store_path: Path) -> None:
    store = EmbeddedStore(store_path)
    try:
        for server in (Server(), Server("market", "main")):
            users = [one for role in Role for one in create_user(server, f"u-{role}", role, PASSWORD)]
            for statement in (*statements(server), *users):
                quoted = statement.replace("'", "\\'")
                assert store.query(f"SELECT formatQuery('{quoted}') AS said").num_rows
                assert (" ON CLUSTER main" in statement) == bool(server.cluster)
    finally:
        store.close()


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
