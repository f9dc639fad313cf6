"""The process: it takes its port, serves, and stops cleanly."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from gateway.config import GatewayConfig, GatewayError
from gateway.serve import listen
from tests.waiting import until

PROGRAM = """
import sys
from gateway.config import GatewayConfig
from gateway.serve import run
run(GatewayConfig("127.0.0.1:1", port=int(sys.argv[1])))
"""


def free_port() -> int:
    with listen(GatewayConfig("unused:0", port=0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def gateway_process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway without a broker."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port)], env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def health(port: int) -> httpx.Response | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz")
    except httpx.TransportError:
        return None


def test_a_taken_port_is_an_error_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GatewayError, match=f"cannot listen on 127.0.0.1:{port}.*gateway.port"):
            listen(GatewayConfig("unused:0", port=port))


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_after_its_clients_were_told(stop: signal.Signals) -> None:
    port = free_port()
    with gateway_process(port) as process:
        answer = until(lambda: health(port), 20, "the gateway")
        assert answer is not None
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        with connect(f"ws://127.0.0.1:{port}/ws", proxy=None) as client:
            process.send_signal(stop)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert process.wait(15) == 0
