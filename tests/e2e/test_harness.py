"""The tests' own tools work: engine, images, registry, repository."""

import subprocess
import time

import pytest

from composes import app, three
from repo import ENV
from transports import TOKEN, TRANSPORTS, make_source
from waiting import Timeout, stays_true, wait_until


def test_engine_runs_containers(engine, clean_engine):
    cid = engine.create("mdct-hello", "app:1", ["sleep", "1000"], NetworkMode="none")
    assert engine.exec(cid, "cat", "/version") == "1"
    engine.remove(cid)
    assert not [c for c in engine.containers() if c.id == cid]


def test_images_have_versions(engine):
    assert {"app:1", "app:2", "app:3"} <= set(engine.images())
    assert engine.images()["app:1"] != engine.images()["app:2"]


def test_registry_serves_images(engine, registry, clean_engine):
    name = registry.push("app:1", "harness/app:1")
    assert name not in engine.images()
    status, out = engine.call("POST", "/images/create?fromImage=127.0.0.1:5000/harness/app&tag=1")
    assert status == 200 and b'"error"' not in out
    assert name in engine.images()
    engine.untag(name)


def test_public_registries_fail_fast(engine):
    start = time.monotonic()
    status, out = engine.call("POST", "/images/create?fromImage=nosuchthing&tag=1")
    assert status != 200 or b'"error"' in out
    assert time.monotonic() - start < 10


def test_compose_runs(engine, clean_engine, place):
    (place / "conf").mkdir()
    (place / "conf/a").write_text("hello")
    (place / "compose.yaml").write_text(three())
    r = engine.compose_run("-p", "mdct", "-f", str(place / "compose.yaml"), "up", "-d")
    assert r.returncode == 0, r.stderr
    assert engine.running("mdct") == ["db", "web", "worker"]
    assert engine.read("mdct", "/conf/a", "web") == "hello"
    assert engine.env("mdct", "worker")["MODE"] == "one"


def test_repo_pushes(repo):
    first = repo.deploy({"web/compose.yaml": three()})
    second = repo.deploy({"web/x": "y"}, remove=["web/compose.yaml"])
    assert first != second
    assert repo._run("git", "rev-parse", "main", cwd=repo.bare) == second
    repo.reset(first)
    repo.force_push()
    assert repo._run("git", "rev-parse", "main", cwd=repo.bare) == first


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_git_servers_serve(transport, repo, place):
    commit = repo.deploy({"web/compose.yaml": app()})
    with make_source(transport, repo, place) as s:
        env = {**ENV}
        url = s.url
        if transport == "https":
            env["GIT_SSL_CAINFO"] = s.keys["ca_file"]
            url = url.replace("https://", f"https://git:{TOKEN}@")
        elif transport == "ssh":
            env["GIT_SSH_COMMAND"] = (f"ssh -i {s.keys['ssh_key_file']} -o StrictHostKeyChecking=yes "
                                      f"-o UserKnownHostsFile={s.keys['known_hosts_file']}")
        r = subprocess.run(["git", "ls-remote", url, "main"], env=env, capture_output=True, text=True, timeout=60)
        assert r.stdout.startswith(commit), r.stderr


def test_waiting_has_deadlines():
    with pytest.raises(Timeout):
        wait_until(lambda: False, 0.1)
    assert stays_true(lambda: True, 0.1)


def test_engine_comes_back(engine, clean_engine, bystanders):
    before = bystanders.look()
    engine.restart(kill=True)
    after = wait_until(lambda: (lambda n: len(n) == len(before) and all(s[2] == "running" for s in n.values()) and n)(
        bystanders.look()), 30)
    assert {k: v[0] for k, v in after.items()} == {k: v[0] for k, v in before.items()}
