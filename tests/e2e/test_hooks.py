"""The ready-made hooks do what their first lines say."""

import os
import shutil
import subprocess

import pytest

from agent import BIN, DONE, ROOT
from composes import app
from repo import ENV, Repo
from waiting import wait_until

HOOKS = ROOT / "hooks"


def with_program(**more):
    return {**ENV, "PATH": f"{BIN}:{ENV['PATH']}", **more}


def install(repo, agent):
    """The hook in the bare repository, as its head says."""
    hook = repo.bare / "hooks/post-receive"
    hook.parent.mkdir(exist_ok=True)
    shutil.copy(HOOKS / "post-receive", hook)
    hook.chmod(0o755)
    repo._run("git", "config", "mdc.config", str(agent.config), cwd=repo.bare)
    repo._run("git", "config", "mdc.agent", str(BIN / "mdc-agent"), cwd=repo.bare)


def pre_push(repo):
    hook = repo.work / ".git/hooks/pre-push"
    hook.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(HOOKS / "pre-push", hook)
    hook.chmod(0o755)


def push(repo, **env):
    return subprocess.run(["git", "push", "origin", "HEAD:main"], cwd=repo.work, capture_output=True, text=True,
                          timeout=60, env=with_program(**env))


def test_post_receive_pokes_the_agent(repo, agent, engine):
    agent.source(poll="1h")
    install(repo, agent)
    repo.deploy({"web/compose.yaml": app()})
    agent.run_daemon()
    wait_until(lambda: agent.current() == 1, 30, agent.daemon_log)
    repo.write("web/compose.yaml", app(2))
    repo.commit("two")
    r = push(repo)
    assert r.returncode == 0, r.stderr
    wait_until(lambda: agent.current() == 2 and engine.runs("web", 2), 30,
               lambda: r.stderr + agent.daemon_log())
    assert agent.stop_daemon() == 0


def test_post_receive_never_fails_a_push(repo, agent):
    install(repo, agent)
    repo.deploy({"web/compose.yaml": app()})  # no agent runs; the push is good all the same


def test_post_receive_leaves_other_branches_alone(repo, agent):
    install(repo, agent)
    repo.deploy({"web/compose.yaml": app()})
    repo.git("checkout", "-q", "-b", "feature")
    r = subprocess.run(["git", "push", "origin", "feature"], cwd=repo.work, capture_output=True, text=True, timeout=60,
                       env=with_program())
    assert r.returncode == 0 and "mdc-agent" not in r.stderr


@pytest.mark.parametrize("files, passes", [
    ({"web/compose.yaml": app()}, True),
    ({"web/compose.yaml": app(), "mdc.yaml": "version: 1\nprojets: {}\n"}, False),
], ids=["good", "bad"])
def test_pre_push_checks(files, passes, base, place):
    repo = Repo(place / "git")
    pre_push(repo)
    for path, text in files.items():
        repo.write(path, text)
    repo.commit()
    r = push(repo)
    assert (r.returncode == 0) == passes, r.stderr
    if not passes:
        assert "mdc.yaml:2" in r.stderr
        assert push(repo, MDC_SKIP_CHECK="1").returncode == 0


def test_pre_push_checks_the_commit_not_the_work_tree(base, place):
    repo = Repo(place / "git")
    pre_push(repo)
    repo.write("web/compose.yaml", app())
    repo.commit()
    repo.write("mdc.yaml", "version: 1\nprojets: {}\n")  # not committed
    r = push(repo)
    assert r.returncode == 0, r.stderr


def test_ci_example_runs_check(base, place):
    examples = [p for p in HOOKS.iterdir() if "ci" in p.name.lower() and p.is_file()]
    assert examples
    for p in examples:
        assert "mdc-agent check" in p.read_text()
    scripts = [p for p in examples if p.read_text().startswith("#!")]
    for p in scripts:
        for text, good in ((app(), True), ("services: [\n", False)):
            root = place / f"{p.name}-{good}"
            (root / "web").mkdir(parents=True)
            (root / "web/compose.yaml").write_text(text)
            r = subprocess.run(["sh", str(p)], cwd=root, capture_output=True, text=True, timeout=60, env=with_program())
            assert (r.returncode == 0) == good, r


def test_hooks_open_with_what_they_do():
    for p in HOOKS.iterdir():
        if p.is_file():
            head = p.read_text().splitlines()[:4]
            assert any(line.lstrip().startswith("#") and len(line) > 20 for line in head), p
            if head[0].startswith("#!"):
                assert os.access(p, os.X_OK), p
