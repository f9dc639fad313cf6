"""All settings of all processes: ``INFOPUMP_…`` in the environment, then a TOML file, then the defaults here.

A nested key is spelt with two underscores in the environment (``INFOPUMP_KAFKA__BOOTSTRAP``) and as a table in TOML
(``[kafka] bootstrap = …``). The file is ``infopump.toml`` in the working directory, or the one that ``INFOPUMP_CONFIG``
names (empty: none).
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as _Unparsable

from deploy.errors import DeployError

PREFIX: Final = "INFOPUMP_"
DELIMITER: Final = "__"
CONFIG: Final = "INFOPUMP_CONFIG"
DEFAULT_FILE: Final = "infopump.toml"
MASK: Final = "********"
UNSET: Final = "(not set)"

STAGES: Final = ("normalize", "detect", "escalate")
"""The workers, in the order of the flow."""
HEALTH_OFFSET: Final = {"normalize": 1, "detect": 2, "escalate": 3, "writer": 4}
"""Where each process serves its health, counted from ``health.base_port``."""


class SettingsError(DeployError):
    """A setting that cannot be used: names the key, the value and where it came from."""

    exit_status = 2


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Port = Annotated[int, Field(ge=0, le=65_535)]


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/infopump``, or ``~/.local/share/infopump``."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "infopump"


class Section(BaseModel):
    """One table of the settings: no unknown keys, no changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """The broker: a cluster where ``bootstrap`` names one, else the embedded one."""

    bootstrap: str | None = None
    partitions: Annotated[int, Field(ge=1, le=1_000)] = 4
    replication: Annotated[int, Field(ge=1, le=9)] = 1
    heap_mb: Annotated[int, Field(ge=256)] = 512
    port: Port = 0
    """of the embedded broker; 0: a free one"""


class LoginSettings(Section):
    """A user of the server who asks in one role."""

    user: str = ""
    password: SecretStr | None = None
    password_file: AbsolutePath | None = None


class ServerSettings(Section):
    """A ClickHouse server, or a cluster of them, in the place of the embedded store. Passwords come from files or the
    environment, never from a command line."""

    host: str | None = None
    """None: the embedded store"""
    port: Annotated[int, Field(ge=1, le=65_535)] = 9_000
    """of the native protocol; 9440 is usual with TLS"""
    database: str = "infopump"
    user: str = "infopump"
    password: SecretStr | None = None
    password_file: AbsolutePath | None = None
    secure: bool = False
    """TLS"""
    ca_file: AbsolutePath | None = None
    compress: bool = True
    cluster: str = ""
    """its name in the servers' own settings; empty: one server"""
    analyst: LoginSettings = LoginSettings()
    """without a user, analysts are refused"""
    auditor: LoginSettings = LoginSettings()
    """without a user: ``user``, held to reading"""
    publisher: LoginSettings = LoginSettings()
    """without a user, publishers are refused"""


class StoreSettings(Section):
    """The store and its writer."""

    path: AbsolutePath | None = None
    """None: ``store`` in the data directory"""
    analyst_socket: AbsolutePath | None = None
    """where analysts ask, open to its group; None: ``analyst.sock`` in the data directory, for this user alone"""
    block_rows: PositiveInt = 100_000
    flush_seconds: PositiveFloat = 1.0
    keep_years: Annotated[int, Field(ge=2)] = 3
    """of lines and refusals; rollups are kept for ever"""
    server: ServerSettings = ServerSettings()


class DetectSettings(Section):
    """What a tick is, how long a silent terminal holds one open, and how late a line may be; thresholds stand in the
    rulebook."""

    tick_seconds: PositiveInt = 300
    idle_seconds: PositiveInt = 1_800
    lateness_seconds: Annotated[int, Field(ge=0)] = 600
    """of event time: until then a line of a closed tick corrects it, and so long after its hour an hour is judged"""


class WorkerSettings(Section):
    """How often a worker makes its state durable, and when its silence counts as a stall."""

    checkpoint_seconds: PositiveFloat = 0.5
    stall_seconds: PositiveFloat = 60


class GatewaySettings(Section):
    """Where the gateway listens; ``token`` None: whoever reaches it may read and act."""

    host: str = "127.0.0.1"
    port: Port = 8080
    token: SecretStr | None = None
    demo_note: str = ""
    """a line at the top of the board, where what it shows is not real"""
    reviewers: AbsolutePath | None = None
    """the file that names who may review by REST; None: nobody"""


class HealthSettings(Section):
    """``base_port`` plus HEALTH_OFFSET is where a process serves /healthz and /metrics; 0: a free one."""

    base_port: Annotated[int, Field(ge=0, le=65_000)] = 9_600


class LogSettings(Section):
    """What the processes log, on standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    as_json: bool = Field(default=False, alias="json")


class Settings(BaseSettings):
    """Everything that can be set. Read with ``load``, which turns mistakes into SettingsError."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_ignore_empty=True, extra="forbid", frozen=True
    )

    data_dir: AbsolutePath = Field(default_factory=default_data_dir)
    kafka: KafkaSettings = KafkaSettings()
    store: StoreSettings = StoreSettings()
    detect: DetectSettings = DetectSettings()
    worker: WorkerSettings = WorkerSettings()
    gateway: GatewaySettings = GatewaySettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()

    @property
    def store_path(self) -> Path:
        """Where the embedded store keeps its data."""
        return self.store.path or self.data_dir / "store"

    @property
    def store_socket(self) -> Path:
        """Where the writer answers auditors and the commands of the system; the other roles' sockets are beside it."""
        return self.data_dir / "store.sock"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is the library's)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """First what the caller gives, then the environment, then the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=read_file())


def config_file() -> Path | None:
    """The TOML file to read, if there is one. Raises SettingsError where INFOPUMP_CONFIG names one that is missing."""
    named = os.environ.get(CONFIG)
    if named == "":
        return None
    path = _absolute(Path(named or DEFAULT_FILE))
    if path.is_file():
        return path
    if named:
        raise SettingsError(f"{CONFIG} names {path}, but there is no such file: correct it or unset {CONFIG}")
    return None


def read_file() -> dict[str, Any]:
    """The keys of the TOML file, nested as there; empty without one."""
    path = config_file()
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML: {error}") from error


def load(**overrides: Any) -> Settings:
    """The settings in force. ``overrides`` (nested dicts) stand above the environment.

    Raises SettingsError that names the key, what is wrong with it and where it was given.
    """
    _refuse_unknown_variables()
    try:
        return Settings(**overrides)
    except _Unparsable as error:
        raise SettingsError(f"{error}: a section in one variable must be a JSON object") from None
    except ValidationError as error:
        origin = origins(overrides)
        raise SettingsError("; ".join(_explain(dict(e), origin) for e in error.errors())) from None


def _refuse_unknown_variables() -> None:
    # pydantic-settings passes over a variable whose first word is no setting: a misspelt section would be silent.
    for name in os.environ:
        if not name.upper().startswith(PREFIX) or name.upper() == CONFIG:
            continue
        section = name[len(PREFIX) :].split(DELIMITER)[0].lower()
        if section not in Settings.model_fields:
            known = ", ".join(sorted(Settings.model_fields))
            raise SettingsError(f"{name}: no setting begins with '{section}'; there are {known}. Correct or unset it")


def _explain(error: Mapping[str, Any], origin: Mapping[str, str]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    where = origin.get(key) or next((o for k, o in origin.items() if k.startswith(f"{key}.")), "the settings")
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such setting (from {where}); `infopump settings` lists them"
    plain = isinstance(error["input"], str | int | float) and not key.endswith(("token", "password"))
    got = f", got {error['input']!r}" if plain else ""
    return f"{key}: {error['msg']}{got} (from {where})"


def origins(overrides: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Where each given key comes from: ``command line``, the name of the variable, or the file. Others are defaults."""
    path = config_file()
    found = {key: str(path) for key in _flat(read_file())}
    found |= {key: PREFIX + key.upper().replace(".", DELIMITER) for key in _flat(EnvSettingsSource(Settings)())}
    return found | dict.fromkeys(_flat(overrides or {}), "command line")


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{above}{name}"
        leaves |= _flat(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return leaves


def effective(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted key, as plain values; secrets as SecretStr."""
    return _flat(settings.model_dump(by_alias=True))


def to_environ(settings: Settings) -> dict[str, str]:
    """The variables from which another process reads exactly these settings, and no file. Holds the secrets as text."""
    variables = {CONFIG: ""}
    for key, value in effective(settings).items():
        if value is None:
            continue
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        variables[PREFIX + key.upper().replace(".", DELIMITER)] = text
    return variables


def rows(settings: Settings, overrides: Mapping[str, Any] | None = None) -> Iterator[tuple[str, str, str]]:
    """``(key, value as TOML, source)`` of every setting, secrets masked."""
    origin = origins(overrides)
    for key, value in effective(settings).items():
        yield key, _toml(value), origin.get(key, "default")


def _toml(value: object) -> str:
    match value:
        case None:
            return UNSET
        case SecretStr():
            return f'"{MASK}"'
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
