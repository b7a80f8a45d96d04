"""
Fixtures of the tests of nixos/: Nix with a store of its own below the build directory, without any network.
    python3 -m pytest tests/nixos              MDC_BUILD: the build directory (default build/debug)
Each case of cases/*.nix is a test here (test_cases.py); `nix flake check` runs the same ones.
To add a case: an attribute `test_...` with `expr` and `expected` in one of these files.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "nixos"
BUILD = Path(os.environ.get("MDC_BUILD", ROOT / "build" / "debug")).resolve()
STORE = BUILD / "nix"

CONFIG = """build-users-group =
substituters =
experimental-features = nix-command flakes
sandbox = false
"""


def nix_env():
    """Nothing of the machine's Nix is used or changed, and no name is looked up."""
    env = {"PATH": os.environ["PATH"], "HOME": str(STORE), "XDG_CACHE_HOME": str(STORE / "cache"), "LANG": "C.UTF-8",
           "NIX_STORE_DIR": str(STORE / "store"), "NIX_STATE_DIR": str(STORE / "var"), "NIX_LOG_DIR": str(STORE / "log"),
           "NIX_CONF_DIR": str(STORE / "etc"), "NIX_CONFIG": CONFIG}
    return env


class Nix:
    def run(self, *args, cwd=ROOT, check=True, timeout=120):
        r = subprocess.run(args, env=nix_env(), cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)
        assert not check or r.returncode == 0, f"{' '.join(map(str, args))}\n{r.stderr}"
        return r

    def value(self, expression):
        """An expression of tests/nixos, evaluated."""
        return json.loads(self.run("nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode", "--expr",
                                   expression, cwd=HERE).stdout)

    def build(self, expression):
        """A derivation of tests/nixos, built: its path."""
        return self.run("nix-build", "--no-out-link", "--expr", expression, cwd=HERE).stdout.strip()


def pytest_collection_modifyitems(items):
    if not shutil.which("nix-instantiate"):
        for item in items:
            item.add_marker(pytest.mark.skip(reason="Nix is not here: sh tests/install.sh installs nix-bin"))


@pytest.fixture(scope="session")
def nix():
    STORE.mkdir(parents=True, exist_ok=True)
    return Nix()
