"""Odd things people do to a branch: no stuck state, the newest wins."""

import pytest

from agent import DONE, FAILED, LATER, REJECTED, USAGE
from composes import app, unhealthy
from gitservers import git
from waiting import wait_until


def test_force_push_back(repo, agent, engine):
    first = repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    repo.reset(first)
    repo.force_push()
    r = agent.sync(DONE)
    assert engine.version("web") == "1"
    events = {e["event"] for e in agent.history()}
    assert "source.forced" in events, r


def test_force_push_of_another_history(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.git("checkout", "-q", "--orphan", "fresh")
    repo.commit("fresh")
    repo.write("web/compose.yaml", app(2))
    repo.commit("other history")
    repo.force_push()
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_branch_deleted_and_back(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    repo.delete_branch()
    r = agent.sync(LATER, USAGE, REJECTED)
    assert "main" in r.text
    assert engine.ids("web") == ids, "a branch that is gone removes nothing"
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_empty_repository(repo, agent, engine):
    r = agent.sync(DONE, LATER, USAGE)
    assert "main" in r.text or "empty" in r.text
    assert agent.run("status").code in (0, 1, LATER)
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    assert engine.running("web") == ["app"]


def test_repository_without_projects(repo, agent, engine):
    repo.deploy({"README.md": "nothing yet"})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    assert engine.running("web") == ["app"]


def test_all_projects_removed(repo, agent, engine):
    repo.deploy({"a/compose.yaml": app(1), "b/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"README.md": "bye"}, remove=["a", "b"])
    agent.sync(DONE)
    assert not [c for c in engine.containers() if c.labels.get("mdc.managed")]


def test_several_pushes_between_two_polls(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": unhealthy(2)})
    repo.deploy({"web/compose.yaml": app(3)})
    agent.sync(DONE)
    assert engine.version("web") == "3"
    assert agent.current() == 2


def test_push_there_and_back_between_two_polls(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(2)})
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    assert engine.ids("web") == ids


def test_two_pushes_within_a_second(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.run_daemon()
    wait_until(lambda: agent.current() == 1, 30, agent.daemon_log)
    repo.deploy({"web/compose.yaml": app(2)})
    repo.deploy({"web/compose.yaml": app(3)})
    wait_until(lambda: engine.runs("web", 3) and agent.open_work() == [], 40, agent.daemon_log)
    assert agent.stop_daemon() == 0


@pytest.mark.parametrize("during", ["good", "bad"])
def test_push_during_a_deployment(during, repo, agent, engine):
    """The push that comes while another one is being deployed is deployed after it, however that ends."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    agent.health(settle="2s", timeout="10s")
    repo.deploy({"web/compose.yaml": app(2) if during == "good" else unhealthy(2)})
    agent.run_daemon()
    wait_until(lambda: "web/intent.json" in str(agent.open_work()), 30, agent.daemon_log, every=0.01)
    repo.deploy({"web/compose.yaml": app(3)})
    wait_until(lambda: engine.runs("web", 3) and agent.open_work() == [], 40, agent.daemon_log)
    assert agent.stop_daemon() == 0
    agent.sync(DONE)
    assert engine.version("web") == "3"


def test_two_syncs_at_once(repo, agent, engine):
    """One sync at a time, across processes: the second waits or says who is at it."""
    repo.deploy({"web/compose.yaml": app(1)})
    both = [agent.start("sync"), agent.start("sync")]
    results = [agent.finish(p) for p in both]
    assert {r.code for r in results} <= {DONE, LATER}, results
    assert DONE in {r.code for r in results}
    assert agent.current() == 1
    assert len(engine.containers("web")) == 1


def test_other_branches_are_no_concern(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.git("checkout", "-q", "-b", "feature")
    repo.write("web/compose.yaml", app(2))
    repo.commit("feature")
    repo.git("push", "-q", "origin", "feature")
    agent.sync(DONE)
    assert engine.version("web") == "1"
    agent.source(branch="feature")
    agent.sync(DONE)
    assert engine.version("web") == "2"


def symlink(repo):
    (repo.work / "web/data").symlink_to("/etc")


def submodule(repo):
    """A link to a commit of another repository that has a file of that name; its own working copy lies beside it."""
    other = repo.work.parent / "other.git"
    git("init", "-q", "-b", "main", str(other))
    (other / "passwd").write_text("not of this repository")
    git("add", "passwd", cwd=other)
    git("commit", "-q", "-m", "x", cwd=other)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "web/data", cwd=repo.work)


@pytest.mark.parametrize("kind", [symlink, submodule])
@pytest.mark.parametrize("mounted", [False, True], ids=["beside", "mounted"])
def test_symlinks_and_submodules_in_a_project_are_refused(kind, mounted, repo, agent, engine):
    """Named, not followed; nothing of what they lead to is read, and the other projects of the push are deployed."""
    repo.deploy({"web/compose.yaml": app(1), "other/compose.yaml": app(1)})
    agent.sync(DONE)
    kind(repo)
    extra = 'volumes: ["./data/passwd:/passwd:ro"]' if mounted else ""
    repo.deploy({"other/compose.yaml": app(2), "web/compose.yaml": app(2, extra=extra)})
    r = agent.sync(FAILED, REJECTED)
    assert "web/data" in r.text and kind.__name__ in r.text, r
    assert engine.version("web") == "1" and engine.version("other") == "2"
    assert not list(agent.state.rglob("passwd"))


@pytest.mark.slow
def test_very_large_file_is_refused(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2), "web/big": "x" * (1024 * 1024 + 1)})
    r = agent.sync(FAILED, REJECTED)
    assert "web/big" in r.text
    assert engine.version("web") == "1"


def test_broken_manifest_changes_nothing(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("web")
    repo.deploy({"mdc.yaml": "version: 1\nprojets: {}\n", "web/compose.yaml": app(2)})
    r = agent.sync(REJECTED, FAILED)
    assert "mdc.yaml:2" in r.text and "projects" in r.text
    assert engine.ids("web") == ids
    repo.deploy({"mdc.yaml": "version: 1\n"})
    agent.sync(DONE)
    assert engine.version("web") == "2"


@pytest.mark.slow
def test_many_projects(repo, agent, engine):
    """Two hundred of other hosts, three of ours: only ours are ever looked at closely."""
    manifest = "version: 1\nprojects:\n" + "".join(f"  p{i}: {{hosts: [other]}}\n" for i in range(200))
    manifest += "".join(f"  {n}: {{}}\n" for n in "abc")
    repo.deploy({"mdc.yaml": manifest, **{f"p{i}/compose.yaml": app(1) for i in range(200)},
                 **{f"{n}/compose.yaml": app(1) for n in "abc"}})
    agent.sync(DONE)
    assert sorted({c.project for c in engine.containers() if c.labels.get("mdc.managed")}) == ["a", "b", "c"]
    assert sorted(p.name for p in (agent.state / "live").iterdir() if not p.name.startswith(".")) == ["a", "b", "c"]
