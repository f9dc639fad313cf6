"""``infopump rulebook``: whether rules add up, and why an alert has its level."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.root import app
from deploy.errors import DeployError
from detectors.incident import Finding, Incidents, Rules, step
from detectors.pace import DAY_MS
from detectors.rulebook import rulebooks, shipped
from streams.records import Alert, encode
from tests.deploy.alerts import event

URUMQI = frozenset({"650102", "650103", "650104"})


def invoke(*words: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["rulebook", *words], input=given)


@pytest.fixture
def alert() -> Alert:
    finding = Finding("650102", "0801", "price_spike", 1e-9, 900.0, 0, 1.6, 1.0, measures={"price_rise_1w": 0.6})
    (one,) = step(Incidents(), [finding], DAY_MS, Rules(rulebooks(), URUMQI, DAY_MS))
    return one


@pytest.fixture
def gateway(alert: Alert) -> Iterator[str]:
    """Answers for one alert, as the gateway does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == f"/api/alerts/{alert.alert_id}"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(b'{"event": %s}' % event_of(alert) if known else b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def event_of(alert: Alert) -> bytes:
    return encode(event(**{name: getattr(alert, name) for name in alert.__struct_fields__}))


def test_all_shipped_rulebooks_can_be_used() -> None:
    result = invoke("check")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")] == shipped()
    assert "not found in its sources: level I (red)" in result.stdout


def test_each_fault_is_named_and_the_status_is_1(tmp_path: Path) -> None:
    book = tmp_path / "mine.toml"
    book.write_text(
        'name = "mine"\nversion = "1"\ntitle = { zh = "试", en = "test" }\nsources = []\n'
        '[[clauses]]\nid = "a"\nlevel = "I"\nsource = "s"\ntext = { zh = "试", en = "test" }\n'
        'when = { measure = "price_rise", window = "9d", value = 0.3 }\n',
        encoding="utf-8",
    )
    result = invoke("check", str(book), "national")
    assert "clause a: expected a source of [], got 's'" in result.stdout
    assert "got '9d'" in result.stdout
    assert "national 20" in result.stdout
    assert isinstance(result.exception, DeployError)
    assert str(result.exception) == "1 of 2 rulebooks cannot be used"
    assert result.exception.exit_status == 1


def test_a_name_that_is_neither_file_nor_rulebook_is_wrong_use() -> None:
    result = invoke("check", "nowhere.toml")
    assert isinstance(result.exception, DeployError)
    assert result.exception.exit_status == 2
    assert "urumqi-2007" in str(result.exception)


@pytest.mark.parametrize("source", ["stdin", "file", "bare"])
def test_an_alert_is_explained_clause_by_clause(alert: Alert, source: str, tmp_path: Path) -> None:
    file = tmp_path / "alert.json"
    file.write_bytes(encode(alert) if source == "bare" else event_of(alert))
    said = (invoke("explain", "-", given=event_of(alert)) if source == "stdin" else invoke("explain", str(file))).stdout
    assert f"{alert.alert_id}, revision 1: level II" in said
    assert "yes 是 level II II.larger-price" in said
    assert "yes 是 price rise in a week: 60 % >= 50 % | 一周价格涨幅：60 % >= 50 %" in said
    assert "no  否 price rise in a week: 60 % >= 100 %" in said
    assert "days out of stock: not measured > 7 | 脱销天数：未测得 > 7" in said
    assert "yes 是 level IV IV.county" in said
    assert "hog-national-2021 2021.1: National hog plan (2021): hog to grain price ratio" in said
    assert "no clause holds 无条款符合" in said
    assert "signal-lights" not in said
    assert "source 来源: Urumqi 乌鲁木齐 (2007 plan), as reported, http" in said


def test_the_explanation_is_there_for_programs_too(alert: Alert) -> None:
    answers = json.loads(invoke("explain", "-", "--json", given=event_of(alert)).stdout)
    assert [answer["book"]["name"] for answer in answers] == ["urumqi-2007", "national"]
    assert {one["clause"]["id"]: one["holds"] for one in answers[0]["answers"]}["II.larger-price"]


def test_an_id_is_looked_for_in_the_gateway(alert: Alert, gateway: str) -> None:
    assert "II.larger-price" in invoke("explain", alert.alert_id, "--url", gateway).stdout


def test_an_id_that_nobody_knows_says_where_it_was_looked_for(gateway: str) -> None:
    result = invoke("explain", "no-such-alert", "--url", gateway)
    assert isinstance(result.exception, DeployError)
    assert "no gateway knows it, and the store does not answer" in str(result.exception)


def test_bytes_that_are_no_alert_are_refused() -> None:
    result = invoke("explain", "-", given=b"{}")
    assert isinstance(result.exception, DeployError)
    assert "expected an alert's event in JSON" in str(result.exception)


def test_an_alert_of_an_older_version_says_so() -> None:
    assert "of an older version" in invoke("explain", "-", given=encode(event())).stdout


def test_an_alert_that_the_budget_made_lighter_says_so(alert: Alert) -> None:
    from msgspec.structs import replace

    assert "The rules give level II" in invoke("explain", "-", given=event_of(replace(alert, level="IV"))).stdout
