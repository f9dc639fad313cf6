from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.settings import LoginSettings, ServerSettings, SettingsError, load, to_environ
from deploy.storeserver import server_config
from sinks.config import Login


def test_without_a_host_the_store_is_embedded() -> None:
    assert server_config(ServerSettings(password=SecretStr("sesame"))) is None


def test_every_setting_reaches_the_store_and_passwords_may_stand_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFOPUMP_CONFIG", "")
    (tmp_path / "secret").write_text("sesame\n")
    for name, value in {
        "HOST": "db.example",
        "PORT": "9440",
        "SECURE": "true",
        "CLUSTER": "main",
        "PASSWORD_FILE": str(tmp_path / "secret"),
        "ANALYST__USER": "li",
        "ANALYST__PASSWORD": "open",
        "PUBLISHER__USER": "wang",
        "PUBLISHER__PASSWORD_FILE": str(tmp_path / "secret"),
    }.items():
        monkeypatch.setenv(f"INFOPUMP_STORE__SERVER__{name}", value)
    settings = load()
    config = server_config(settings.store.server)
    assert config is not None
    assert (config.host, config.port, config.secure, config.cluster) == ("db.example", 9440, True, "main")
    assert (config.password, config.auditor) == ("sesame", None)
    assert (config.analyst, config.publisher) == (Login("li", "open"), Login("wang", "sesame"))
    assert to_environ(settings)["INFOPUMP_STORE__SERVER__ANALYST__PASSWORD"] == "open"
    assert "sesame" not in repr(config)


def test_a_password_twice_or_in_a_file_that_is_not_there_is_told_without_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sesame")
    both = ServerSettings(host="a", password=SecretStr("sesame"), password_file=tmp_path / "secret")
    with pytest.raises(SettingsError, match="expected password or password_file, got both") as caught:
        server_config(both)
    assert "sesame" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"store\.server\.auditor\.password_file: .* cannot be read"):
        server_config(ServerSettings(host="a", auditor=LoginSettings(user="b", password_file=tmp_path / "none")))
    with pytest.raises(SettingsError, match=r"store\.server\.analyst: expected a user with its password"):
        server_config(ServerSettings(host="a", analyst=LoginSettings(password=SecretStr("sesame"))))
