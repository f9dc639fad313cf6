from pathlib import Path

import pytest

from deploy.settings import MASK, SettingsError, effective, load, rows, to_environ


def write(text: str, name: str = "infopump.toml") -> Path:
    path = Path(name).absolute()
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_setting_the_defaults_hold(tmp_path: Path) -> None:
    settings = load()
    assert settings.data_dir == tmp_path / "share" / "infopump"
    assert settings.store_path == settings.data_dir / "store"
    assert settings.kafka.bootstrap is None
    assert settings.gateway.host == "127.0.0.1"
    assert (settings.detect.idle_seconds, settings.detect.lateness_seconds) == (1_800, 600)
    assert {source for _, _, source in rows(settings)} == {"default"}


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    file = write('data_dir = "/from/file"\n[kafka]\nbootstrap = "file:1"\npartitions = 8\n')
    monkeypatch.setenv("INFOPUMP_KAFKA__BOOTSTRAP", "variable:2")
    monkeypatch.setenv("INFOPUMP_DATA_DIR", "/from/variable")
    overrides = {"data_dir": Path("/from/line")}
    settings = load(**overrides)
    assert (settings.data_dir, settings.kafka.bootstrap, settings.kafka.partitions) == (
        Path("/from/line"),
        "variable:2",
        8,
    )
    sources = {key: source for key, _, source in rows(settings, overrides)}
    assert sources["data_dir"] == "command line"
    assert sources["kafka.bootstrap"] == "INFOPUMP_KAFKA__BOOTSTRAP"
    assert sources["kafka.partitions"] == str(file)
    assert sources["kafka.heap_mb"] == "default"


def test_another_file_can_be_named_and_an_empty_name_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    write("[kafka]\npartitions = 8\n")
    monkeypatch.setenv("INFOPUMP_CONFIG", str(write("[kafka]\npartitions = 16\n", "other.toml")))
    assert load().kafka.partitions == 16
    monkeypatch.setenv("INFOPUMP_CONFIG", "")
    assert load().kafka.partitions == 4


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("INFOPUMP_KAFKA__BOOTSTRP", "x", "kafka.bootstrp: there is no such setting (from INFOPUMP_KAFKA__BOOTSTRP)"),
        ("INFOPUMP_KAFFKA__BOOTSTRAP", "x", "INFOPUMP_KAFFKA__BOOTSTRAP: no setting begins with 'kaffka'"),
        ("INFOPUMP_KAFKA__PARTITIONS", "four", "got 'four' (from INFOPUMP_KAFKA__PARTITIONS)"),
        ("INFOPUMP_KAFKA__PARTITIONS", "0", "greater than or equal to 1, got '0'"),
        ("INFOPUMP_DETECT__LATENESS_SECONDS", "-1", "greater than or equal to 0, got '-1'"),
        ("INFOPUMP_LOG__LEVEL", "LOUD", "log.level"),
        ("INFOPUMP_GATEWAY__PORT", "70000", "gateway.port"),
        ("INFOPUMP_KAFKA", "{", "must be a JSON object"),
        ("INFOPUMP_CONFIG", "/no/such/file.toml", "INFOPUMP_CONFIG names /no/such/file.toml"),
    ],
)
def test_a_wrong_variable_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert said in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1\n", "colour: there is no such setting (from {file})"),
        ("[kafka]\nboot = 'x'\n", "kafka.boot: there is no such setting (from {file})"),
        ("[colours]\nred = 1\n", "colours: there is no such setting (from {file})"),
        ("[kafka\n", "{file} cannot be read as TOML"),
    ],
)
def test_a_wrong_key_in_the_file_is_an_error_that_names_both(text: str, said: str) -> None:
    file = write(text)
    with pytest.raises(SettingsError) as caught:
        load()
    assert said.format(file=file) in str(caught.value)


def test_a_secret_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFOPUMP_GATEWAY__TOKEN", "sesame-open-123")
    settings = load()
    assert settings.gateway.token is not None
    assert "sesame" not in repr(settings) + repr(effective(settings)) + repr(list(rows(settings)))
    assert ("gateway.token", f'"{MASK}"', "INFOPUMP_GATEWAY__TOKEN") in list(rows(settings))


def test_another_process_reads_the_same_settings_from_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[kafka]\nbootstrap = "a:1"\n[gateway]\ntoken = "sesame-open-123"\n[log]\njson = true\n')
    monkeypatch.setenv("INFOPUMP_STORE__PATH", "~/elsewhere")
    settings = load()
    write("[kafka]\npartitions = 99\n")
    for name, value in to_environ(settings).items():
        monkeypatch.setenv(name, value)
    assert load() == settings
