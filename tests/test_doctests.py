"""The examples in docstrings are tests."""

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ("streams", "detectors", "agents", "sinks", "gateway", "deploy")


def modules() -> list[str]:
    found = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        found += [
            m.name for m in pkgutil.walk_packages(package.__path__, f"{name}.") if not m.name.endswith("__main__")
        ]
    return found


@pytest.mark.parametrize("name", modules())
def test_every_example_in_a_docstring_holds(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), raise_on_error=False).failed == 0
