"""Our processes start without pandas."""

import subprocess
import sys

SCRIPT = """
import sys
from deploy.lean import without_pandas
without_pandas()
import pyarrow as pa
assert pa.array(["a", "b"]).to_pylist() == ["a", "b"]
import agents.normalize.stage, sinks.writer, gateway.serve
assert "pandas" not in sys.modules, "pandas was imported"
"""


def test_a_worker_a_writer_and_a_gateway_do_not_import_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
