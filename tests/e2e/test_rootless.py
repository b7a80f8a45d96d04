"""
Running as a user: the agent, Podman and its containers without root, with every place at its default. Volumes of such
an engine hold files of subordinate users, which only root of the user's own namespace (`podman unshare`) can copy.
"""

import json
import os
import shutil

import pytest

from agent import DONE, FAILED
from composes import app, unhealthy
from rootless import FIRST, Rootless

pytestmark = pytest.mark.skipif(not shutil.which("newuidmap") or not shutil.which("podman"),
                                reason="needs the packages podman and uidmap")


@pytest.fixture(scope="module")
def user(base, pytestconfig):
    if pytestconfig.getoption("--engine") != "podman":
        pytest.skip("runs with --engine podman")
    e = Rootless(base / "rootless")
    e.start()
    for v in (1, 2):
        e.image(f"app:{v}")
    yield e
    e.close()


@pytest.fixture
def source(user, repo):
    """The repository is the user's; settings name only what has no default."""
    user.settings.write_text(json.dumps({"source": {"url": repo.url, "poll": "5s"}, "host": "server1",
                                         "defaults": {"health": {"timeout": "20s", "settle": "300ms"}}}))
    user.own(user.settings)

    def push(files):
        user.own(repo.bare, uid=0)
        repo.deploy(files)
        user.own(repo.bare)
    yield push
    user.wipe()
    shutil.rmtree(user.state, ignore_errors=True)


def test_every_place_is_the_users(user, source):
    source({"web/compose.yaml": app()})
    r = user.agent("sync").expect(DONE)
    assert user.running("web") == ["app"], r
    assert os.readlink(user.state / "current").endswith("/1")
    assert (user.state.stat().st_mode & 0o777, user.state.stat().st_uid) == (0o700, 4711)
    assert user.agent("status", "--json").expect(DONE).json()["generation"] == 1
    source({"web/compose.yaml": unhealthy()})
    user.agent("sync").expect(FAILED)
    assert user.version("web") == "1"


# The volume is made by root in the container: the first start opens it for user 1000.
OPEN = "services: {app: {image: \"app:1\", network_mode: none, volumes: [\"store:/data\"], command: [sh, -c, " \
       "\"echo -n precious >/data/x; busybox chmod 600 /data/x; busybox chown -R 1000:1000 /data; exec sleep 1000000\"]}}\n" \
       "volumes: {store: {}}\n"


def test_data_of_subordinate_users(user, source):
    source({"web/compose.yaml": OPEN})
    user.agent("sync").expect(DONE)
    data = user.volume("web_store")
    owner = FIRST + 1000 - 1
    assert (data / "x").stat().st_uid == owner
    running = user.ids("web")

    bad = unhealthy(extra='volumes: ["store:/data"]\n') + "volumes: {store: {}}\n"
    bad = bad.replace('test: ["CMD", "sh", "-c", "', 'test: ["CMD", "sh", "-c", "echo broken >/data/x; ')
    source({"web/compose.yaml": bad})
    r = user.agent("sync")
    assert r.code != DONE and "podman unshare" in r.text, r
    assert user.ids("web") == running and user.running("web") == ["app"], "without its snapshot nothing is touched"

    user.agent("retry", "web", unshare=True).expect(FAILED)
    assert "web_store" in user.agent("snapshots", "--json").expect(DONE).out
    assert user.version("web") == "1"
    assert ((data / "x").read_text(), (data / "x").stat().st_uid, (data / "x").stat().st_mode & 0o777) == \
        ("precious", owner, 0o600)
