"""Each case of cases/*.nix: what the module gives for a configuration. One evaluation a file."""

import re

import pytest

from conftest import HERE

FILES = sorted((HERE / "cases").glob("*.nix"))
CASES = [(path.name, name) for path in FILES for name in re.findall(r"(?m)^  (test_\w+) =", path.read_text())]
values = {}


@pytest.mark.parametrize("file,name", CASES, ids=[name for _, name in CASES])
def test_case(nix, file, name):
    if file not in values:
        values[file] = nix.value(f"import ./cases/{file}")
    case = values[file][name]
    assert case["expr"] == case["expected"]


def test_no_case_is_missed_or_named_twice(nix):
    for path in FILES:
        found = nix.value(f"builtins.attrNames (import ./cases/{path.name})")
        assert sorted(found) == sorted(name for file, name in CASES if file == path.name)
    names = [name for _, name in CASES]
    assert len(set(names)) == len(names)
