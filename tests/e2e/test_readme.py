"""The first step of a terminal's operator, as the README has it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import LocalSystem
from sinks.query import ask
from tests.waiting import until

pytestmark = pytest.mark.e2e
README = Path(__file__).parents[2] / "README.md"


def test_the_readmes_first_sale_arrives_in_the_store(system: LocalSystem) -> None:
    example = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    code = example.group(1).replace("127.0.0.1:9092", system.bootstrap)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    sql = "SELECT county, sku, code, base_qty, amount FROM infopump.sales"
    rows = until(lambda: ask(system.socket, sql).to_pylist(), 30, "the sale in the store")
    assert rows == [{"county": "330602", "sku": "6901234567892", "code": "1001", "base_qty": 800, "amount": 500}]
