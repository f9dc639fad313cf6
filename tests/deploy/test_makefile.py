import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-C", str(ROOT), *words], capture_output=True, text=True, timeout=60, check=False)


def test_every_target_is_explained() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()
    listed = re.findall(r"^make ([a-z-]+)", make("help").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(declared)


def test_a_python_that_is_too_old_is_named_with_the_way_out(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = make("setup", f"PYTHON={old}", f"INSTALLED={tmp_path}/installed")
    assert result.returncode != 0
    assert f"infopump needs Python 3.11 or newer, but '{old}' is Python 3.9.2." in result.stderr
    assert "make PYTHON=/path/to/python3.11 setup" in result.stderr
