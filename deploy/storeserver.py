"""How the writer reaches a ClickHouse server, from the settings and the files that they name."""

from pathlib import Path

from pydantic import SecretStr

from deploy.settings import LoginSettings, ServerSettings, SettingsError
from sinks.config import Login, ServerConfig


def server_config(settings: ServerSettings) -> ServerConfig | None:
    """How to reach the server; None for the embedded store. Raises SettingsError where a password cannot be read."""
    if not settings.host:
        return None
    return ServerConfig(
        host=settings.host,
        port=settings.port,
        database=settings.database,
        user=settings.user,
        password=_secret("password", settings.password, settings.password_file),
        analyst=_login("analyst", settings.analyst),
        auditor=_login("auditor", settings.auditor),
        publisher=_login("publisher", settings.publisher),
        secure=settings.secure,
        ca_file=settings.ca_file,
        compress=settings.compress,
        cluster=settings.cluster,
    )


def _login(role: str, given: LoginSettings) -> Login | None:
    if given.user:
        return Login(given.user, _secret(f"{role}.password", given.password, given.password_file))
    if given.password is not None or given.password_file is not None:
        raise SettingsError(f"store.server.{role}: expected a user with its password, got a password alone: set user")
    return None


def _secret(key: str, given: SecretStr | None, file: Path | None) -> str:
    if file is None:
        return given.get_secret_value() if given else ""
    if given is not None:
        raise SettingsError(f"store.server: expected {key} or {key}_file, got both: remove one")
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"store.server.{key}_file: {file} cannot be read: {error}") from error
