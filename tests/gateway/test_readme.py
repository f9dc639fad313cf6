"""What the README tells an integrator to write works as it stands."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import gateway
from gateway.protocol import Close
from tests.gateway.factory import make_event
from tests.gateway.serving import served
from tests.waiting import until

README = (Path(gateway.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_the_example_subscribes_and_resumes() -> None:
    found = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    with served() as one:
        program = found[1].replace("127.0.0.1:8080", f"127.0.0.1:{one.port}")
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        printed: list[str] = []

        def listen() -> None:
            assert process.stdout is not None
            with process.stdout as lines:
                printed.extend(iter(lines.readline, ""))

        def cut() -> None:
            one.hub.close(Close.SLOW)
            one.hub.publish(make_event("missed", level="II"))

        reader = threading.Thread(target=listen)
        reader.start()
        try:
            until(lambda: one.call(lambda: one.hub.subscribers), 20, "the example's connection")
            one.publish(make_event("seen", level="IV"))
            until(lambda: printed, 5, "the first event")
            one.call(cut)
            until(lambda: len(printed) >= 3, 10, "the missed event")
        finally:
            process.kill()
            process.wait()
            reader.join()
    assert printed[0].startswith("IV Table salt")
    assert "slow consumer" in printed[1]
    assert printed[2].startswith("II Table salt")
