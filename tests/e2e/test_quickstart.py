"""docs/quickstart.sh does what it says, and cleans up."""

import os
import subprocess

import pytest

from agent import ROOT
from composes import app

pytestmark = pytest.mark.slow


@pytest.fixture
def quickstart(engine, clean_engine, place):
    def run(*args):
        env = {"PATH": os.environ["PATH"], "HOME": str(place), "DOCKER_HOST": engine.url, "LC_ALL": "C.UTF-8",
               "MDC_QUICKSTART_DIR": str(place / "quickstart")}
        return subprocess.run(["sh", str(ROOT / "docs/quickstart.sh"), *args], env=env, capture_output=True, text=True,
                              timeout=600, stdin=subprocess.DEVNULL)
    yield run
    run("--clean")


def test_demo_then_a_repository_of_yours(quickstart, repo, engine, place):
    r = quickstart()
    assert r.returncode == 0, r.stdout + r.stderr
    assert "Hello from version 1." in r.stdout and r.stdout.count("Hello from version 2.") == 2
    assert "unhealthy" in r.stdout
    assert engine.running("hello") == ["web"] and engine.running("clock") == ["clock"]

    repo.deploy({"web/compose.yaml": app()})
    r = quickstart(repo.url)
    assert r.returncode == 0, r.stdout + r.stderr
    assert engine.running("web") == ["app"]
    assert engine.containers("hello") == [], "the demo is gone"
    assert quickstart("file:///another.git").returncode != 0
    assert quickstart().returncode != 0

    r = quickstart("--clean")
    assert r.returncode == 0, r.stderr
    assert engine.containers("web") == []
    assert not (place / "quickstart").exists() and not (ROOT / "build/quickstart").exists()
    assert not [t for t in engine.images() if "quickstart" in t]
    assert "clock_ticks" not in engine.volumes()
