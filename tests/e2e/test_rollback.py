"""Manual rollback: offline, to any kept generation, held until a commit concerns this host."""

import pytest

from agent import DONE, FAILED, USAGE
from composes import app, three, unhealthy


@pytest.fixture
def three_generations(repo, agent, engine):
    """1: web:1 and mail:1; 2: web:2, mail gone; 3: web:3, wiki added."""
    repo.deploy({"web/compose.yaml": app(1, extra='volumes: ["./conf:/conf:ro"]'), "web/conf/f": "1",
                 "mail/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2, extra='volumes: ["./conf:/conf:ro"]'), "web/conf/f": "2"}, remove=["mail"])
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(3, extra='volumes: ["./conf:/conf:ro"]'), "web/conf/f": "3",
                 "wiki/compose.yaml": app(1)})
    agent.sync(DONE)
    assert agent.current() == 3


def state(engine):
    """project -> version of what runs and is ours."""
    names = {c.project for c in engine.containers() if c.labels.get("mdc.managed")}
    return {n: engine.version(n) for n in names}


def test_to_the_previous_one(three_generations, agent, engine):
    agent.rollback().expect(DONE)
    assert state(engine) == {"web": "2"}
    assert engine.read("web", "/conf/f") == "2"
    assert agent.current() == 2


def test_to_a_numbered_one_with_removed_and_added_projects(three_generations, agent, engine):
    agent.rollback(1).expect(DONE)
    assert state(engine) == {"web": "1", "mail": "1"}
    assert engine.read("web", "/conf/f") == "1"
    assert agent.current() == 1
    # And forward again: generation 3 is still there.
    agent.rollback(3).expect(DONE)
    assert state(engine) == {"web": "3", "wiki": "1"}


def test_offline(three_generations, repo, agent, engine):
    repo.bare.rename(repo.bare.with_suffix(".away"))
    agent.rollback(1).expect(DONE)
    assert state(engine) == {"web": "1", "mail": "1"}


def test_polling_does_not_undo_it_and_a_commit_for_this_host_does(three_generations, repo, agent, engine):
    agent.rollback().expect(DONE)
    agent.sync(DONE)
    assert state(engine) == {"web": "2"}
    assert "held" in agent.run("status").text.lower() or "hold" in agent.run("status").text.lower()
    repo.deploy({"docs/readme.md": "nothing of this host"})
    agent.sync(DONE)
    assert state(engine) == {"web": "2"}, "a commit that does not change this host's plan lifts nothing"
    repo.deploy({"mdc.yaml": "version: 1\nprojects: {web: {}, wiki: {}, far: {hosts: [server2]}}\n",
                 "far/compose.yaml": app()})
    agent.sync(DONE)
    assert state(engine) == {"web": "2"}, "a project of another host lifts nothing"
    repo.deploy({"web/conf/f": "4"})
    agent.sync(DONE)
    assert state(engine) == {"web": "3", "wiki": "1"}
    assert engine.read("web", "/conf/f") == "4"


def test_pin_stays_until_resume(three_generations, repo, agent, engine):
    agent.rollback("--pin").expect(DONE)
    repo.deploy({"web/conf/f": "4"})
    agent.sync(DONE)
    assert state(engine) == {"web": "2"}
    agent.run("resume").expect(DONE)
    agent.sync(DONE)
    assert state(engine) == {"web": "3", "wiki": "1"}


def test_another_image_under_the_same_tag(repo, agent, engine):
    """The tag has moved and the old image has no name any more: the way back still has it."""
    engine.image("tagged:1", "old")
    repo.deploy({"web/compose.yaml": app().replace("app:1", "tagged:1")})
    agent.sync(DONE)
    engine.image("tagged:1", "new")
    repo.deploy({"web/compose.yaml": app(extra="environment: {N: '2'}").replace("app:1", "tagged:1")})
    agent.sync(DONE)
    assert engine.version("web") == "new"
    engine.api("POST", "/images/prune")
    agent.rollback().expect(DONE)
    assert engine.version("web") == "old"
    engine.untag("tagged:1")


def test_tag_that_moved_in_a_registry_that_is_gone(repo, agent, engine, registry):
    """The old image has lost its tag to the new one, somebody prunes, and the registry is down."""
    engine.image("remote:1", "old")
    name = registry.push("remote:1", "remote:1")
    text = app().replace("app:1", name) + "x-mdc: {pull: always}\n"
    repo.deploy({"web/compose.yaml": text})
    agent.sync(DONE)
    engine.untag("remote:1")
    engine.image("remote:1", "new")
    registry.push("remote:1", "remote:1")
    engine.untag("remote:1")
    repo.deploy({"web/compose.yaml": text.replace("network_mode: none", "network_mode: none\n    labels: {a: b}")})
    agent.sync(DONE)
    assert engine.version("web") == "new"
    registry.stop()
    engine.api("POST", "/images/prune")
    agent.rollback().expect(DONE)
    assert engine.version("web") == "old"
    engine.untag(name)


def test_one_project_only(three_generations, repo, agent, engine):
    agent.rollback(1, "--project", "web").expect(DONE)
    assert state(engine) == {"web": "1", "wiki": "1"}
    agent.sync(DONE)
    assert state(engine) == {"web": "1", "wiki": "1"}


def test_volumes_stay(repo, agent, engine):
    repo.deploy({"web/compose.yaml": three(), "web/conf/a": "1"})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": three(db=2)})
    agent.sync(DONE)
    engine.exec(engine.one("web", "db").id, "sh", "-c", "echo written > /data/x")
    agent.rollback().expect(DONE)
    assert engine.exec(engine.one("web", "db").id, "cat", "/data/x") == "written"


def test_unknown_number(three_generations, agent, engine):
    before = state(engine)
    r = agent.rollback(99).expect(USAGE)
    assert "99" in r.text
    assert agent.rollback("x").code == USAGE
    assert state(engine) == before


def test_nothing_to_go_back_to(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    r = agent.rollback()
    assert r.code == USAGE, r
    assert engine.version("web") == "1"


def test_previous_good_one_skips_the_failed(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": unhealthy(3)})
    agent.sync(FAILED)
    assert engine.version("web") == "2"
    agent.rollback().expect(DONE)
    assert engine.version("web") == "1"


def test_a_rollback_that_fails_stays_where_it_was(repo, agent, engine, place):
    flag = place / "flag"
    flag.mkdir()
    old = app(1, extra=f'volumes: ["{flag}:/flag:ro"]\nhealthcheck: {{test: ["CMD", "test", "!", "-e", "/flag/x"], '
                       'interval: 300ms, retries: 2}')
    repo.deploy({"web/compose.yaml": old})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    (flag / "x").touch()
    agent.rollback().expect(FAILED)
    assert engine.version("web") == "2"


def test_dry_view_of_a_generation(three_generations, agent):
    shown = agent.show(1)
    assert shown["number"] == 1
    assert {p["name"] for p in shown["projects"]} == {"web", "mail"}
    text = agent.run("show", "1").expect(DONE).out
    assert "web" in text and "app:1" in text
    listed = agent.run("generations").expect(DONE).out
    assert all(str(n) in listed for n in (1, 2, 3))
