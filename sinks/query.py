"""Questions to a store that another process has open: SQL in, an Arrow stream out, over a Unix domain socket.

The writer serves, on one socket for each role; whoever may enter the socket's directory asks in that role. Each
question is written down with who asked, by the kernel's word. The wire is HTTP: ``POST /`` with the SQL as the body;
200 with an Arrow IPC stream, or 400 (the statement), 413 (too long), 503 (busy) with a text.
"""

import http.client
import os
import socket as sockets
import stat
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, Final

import pyarrow as pa
import structlog

from sinks.audit import Asked, AuditLog
from sinks.roles import ASKING, Role, RoleStore
from sinks.store import MAX_SQL, QueryError, Store, StoreError
from streams.columns import CONTENT, to_bytes

__all__ = ["QueryError", "Service", "SocketError", "StoreNotRunning", "ask", "serve", "serve_roles", "socket_of"]

Ask = Callable[[str], pa.Table]

_log = structlog.get_logger(__name__)

_AT_ONCE: Final = 4
"""Questions taken at a time; the store answers one after the other."""
_IDLE_SECONDS: Final = 10.0
_MAX_PATH: Final = 107
"""Bytes that the kernel takes for the path of a socket."""


class StoreNotRunning(QueryError):  # noqa: N818 (reads as what is the case)
    """No writer serves the socket."""


class SocketError(StoreError):
    """The socket cannot be made where it was asked for."""


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    timeout = _IDLE_SECONDS

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return self._answer_text(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        if int(length) > MAX_SQL:
            return self._answer_text(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {MAX_SQL} bytes of SQL, got {length}"
            )
        body = self.rfile.read(int(length))
        if not self.server.room.acquire(blocking=False):
            return self._answer_text(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{_AT_ONCE} questions are being answered already: ask again later"
            )
        try:
            answer = to_bytes(self.server.answer(body.decode(), *_peer(self.connection)))
        except UnicodeDecodeError:
            return self._answer_text(HTTPStatus.BAD_REQUEST, "expected SQL in UTF-8")
        except QueryError as error:
            return self._answer_text(HTTPStatus.BAD_REQUEST, str(error))
        except StoreError as error:
            return self._answer_text(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        finally:
            self.server.room.release()
        return self._answer(HTTPStatus.OK, CONTENT, answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is the base class's)
        """What was asked may name an enterprise: it stands in the audit log alone."""

    def address_string(self) -> str:
        return "local"

    def _answer_text(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, "text/plain; charset=utf-8", text.encode())

    def _answer(self, status: HTTPStatus, content: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, ask: Ask, role: Role, audit: AuditLog | None) -> None:
        self._ask, self._role, self._audit = ask, role, audit
        self.room = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(str(path), _Handler)

    def answer(self, sql: str, pid: int, uid: int) -> pa.Table:
        """The answer to a question of that process, once the question is written down. Raises StoreError."""
        start, rows, error = time.monotonic(), None, ""
        try:
            answer = self._ask(sql)
            rows = answer.num_rows
        except StoreError as failure:
            error = str(failure)
            raise
        finally:
            seconds = round(time.monotonic() - start, 3)
            if self._audit:
                self._audit.write(Asked(self._role, uid, pid, sql, rows, error, seconds))
        return answer

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (the base class's signature)
        _log.warning("a question was left without an answer", exc_info=True)


class Service:
    """A query service that runs in threads of this process until it is closed."""

    def __init__(self, server: _Server, path: Path) -> None:
        self._server, self._path = server, path
        self.after: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="query")
        self._thread.start()

    def close(self) -> None:
        """Take no more questions and remove the socket."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
        self.after()


def serve(
    store: Store, socket: Path, role: Role = Role.AUDITOR, audit: AuditLog | None = None, *, shared: bool = False
) -> Service:
    """Answer questions about ``store`` on ``socket``, for this user alone; with ``shared`` for its group too.

    A socket that a killed process left is replaced. Raises SocketError where the path is too long, taken by something
    else or served by a living process, or where its directory is open to others; StoreError where ``store`` knows no
    roles and ``role`` is not the auditor's.
    """
    _prepare(socket, shared)
    try:
        server = _Server(socket, _asker(store, role), role, audit)
    except OSError as error:
        raise SocketError(f"expected to make the socket {socket}, got: {error}") from error
    socket.chmod(0o660 if shared else 0o600)
    return Service(server, socket)


def socket_of(role: Role, socket: Path) -> Path:
    """Where a role asks, beside the auditors' ``socket``."""
    return socket if role is Role.AUDITOR else socket.with_name(f"{role}.sock")


def serve_roles(store: Store, socket: Path, analysts: Path | None = None) -> Service:
    """Answer each role on its own socket; close the one that is returned to close all.

    ``socket`` is the auditors', which the commands of the system use; ``analysts``: where analysts ask instead, for a
    group. All questions are written to ``questions.jsonl`` beside ``socket``. A store without roles is for auditors
    alone. Raises SocketError, AuditError.
    """
    services: list[Service] = []
    _prepare(socket, shared=False)
    audit = AuditLog(socket.with_name("questions.jsonl"))
    try:
        for role in ASKING if isinstance(store, RoleStore) else (Role.AUDITOR,):
            shared = role is Role.ANALYST and analysts is not None
            path = analysts if analysts and shared else socket_of(role, socket)
            services.append(serve(store, path, role, audit, shared=shared))
    except BaseException:
        _close(services, audit)
        raise
    last = services.pop()
    last.after = lambda: _close(services, audit)
    return last


def _close(services: list[Service], audit: AuditLog) -> None:
    for service in services:
        service.close()
    audit.close()


def _asker(store: Store, role: Role) -> Ask:
    if isinstance(store, RoleStore):
        return partial(store.query_as, role)
    if role is not Role.AUDITOR:
        raise StoreError(f"expected a store that knows the role {role}, this one knows none")
    return store.query


def ask(socket: Path, sql: str, timeout: float = 60.0) -> pa.Table:
    """The answer of the store behind ``socket``.

    Raises StoreNotRunning where nobody serves it, QueryError where the statement is refused, fails, or takes longer
    than ``timeout`` seconds.
    """
    question = sql.encode()
    if len(question) > MAX_SQL:
        raise QueryError(f"expected at most {MAX_SQL} bytes of SQL, got {len(question)}")
    connection = _Connection(socket, timeout)
    try:
        connection.request("POST", "/", question, {"Content-Type": "application/sql"})
        response = connection.getresponse()
        body = response.read()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise StoreNotRunning(
            f"expected a running writer behind {socket}, found none: start infopump demo, or infopump writer"
        ) from error
    except TimeoutError as error:
        raise QueryError(f"expected an answer within {timeout:g} s, got none: ask for less, or allow more") from error
    except (OSError, http.client.HTTPException) as error:
        raise QueryError(f"expected an answer from {socket}, the connection broke: {error}") from error
    finally:
        connection.close()
    if response.status != HTTPStatus.OK:
        raise QueryError(body.decode(errors="replace"))
    return pa.ipc.open_stream(pa.py_buffer(body)).read_all()


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix domain socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _peer(connection: sockets.socket) -> tuple[int, int]:
    """Process and user at the other end."""
    credentials = connection.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return pid, uid


def _prepare(socket: Path, shared: bool) -> None:
    if len(os.fsencode(socket)) > _MAX_PATH:
        raise SocketError(f"expected a socket path of at most {_MAX_PATH} bytes, got {socket}: choose a shorter one")
    mode, whom = (0o750, "its owner and group") if shared else (0o700, "its owner")
    socket.parent.mkdir(parents=True, exist_ok=True, mode=mode)
    folder = socket.parent.stat()
    if folder.st_uid != os.geteuid() or stat.S_IMODE(folder.st_mode) & ~mode:
        raise SocketError(
            f"expected {socket.parent} to be open to {whom} alone (mode {mode:o}), got "
            f"{stat.S_IMODE(folder.st_mode):o}: what a store answers is confidential; choose a directory of its own"
        )
    if not os.path.lexists(socket):
        return
    if not socket.is_socket():
        raise SocketError(f"expected no file or an old socket at {socket}, found something else: choose another path")
    if _is_alive(socket):
        raise SocketError(f"expected {socket} to be free, but a process serves it: stop that one first")
    socket.unlink()


def _is_alive(socket: Path) -> bool:
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(socket))
        except ConnectionRefusedError:
            return False
        except TimeoutError:
            pass
        return True
