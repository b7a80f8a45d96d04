"""`plan` says what would happen and why, and changes nothing; `check` finds mistakes before a merge."""

import os

import pytest

from agent import DONE, FAILED, USAGE, run_plain
from composes import app, three, unhealthy, yaml


@pytest.fixture
def deployed(repo, agent):
    repo.deploy({"web/compose.yaml": three(), "web/conf/a": "1", "mail/compose.yaml": app(),
                 "bad/compose.yaml": unhealthy(1)})
    agent.sync(FAILED)


def test_plan_gives_reasons(deployed, repo, agent, engine):
    repo.deploy({"web/compose.yaml": three(web=2, env="two"), "web/conf/a": "2", "wiki/compose.yaml": app()},
                remove=["mail"])
    plan = agent.plan()
    assert plan.changes() == {"web": "change", "mail": "remove", "wiki": "add", "bad": "held"}
    assert "app:1" in plan.reasons("web") and "app:2" in plan.reasons("web")
    assert "MODE" in plan.reasons("web") and "two" not in plan.reasons("web"), "names of variables, never values"
    assert plan.services("web") == ["web", "worker"]
    assert plan.services("wiki") == ["app"]
    assert "data of store: snapshot by" in plan.notes("web") and "snapshot" not in plan.notes("wiki")
    text = agent.run("plan").expect(DONE).out
    assert all(name in text for name in ("web", "mail", "wiki", "bad"))


def test_plan_of_a_mounted_file(deployed, repo, agent):
    repo.deploy({"web/conf/a": "2"})
    plan = agent.plan()
    assert plan.action("web") == "change"
    assert plan.services("web") == ["web"]
    assert "mount" in plan.reasons("web")


def test_plan_changes_nothing(deployed, repo, agent, engine):
    repo.deploy({"web/compose.yaml": three(web=2), "wiki/compose.yaml": app()}, remove=["mail"])
    before, tree = engine.snapshot(), agent.tree()
    agent.plan()
    agent.run("plan").expect(DONE)
    agent.run("status").expect(DONE, FAILED)
    agent.generations()
    agent.show(1)
    assert engine.snapshot() == before
    assert agent.tree() == tree


def test_plan_before_the_first_sync(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    assert agent.plan().changes() == {"web": "add"}
    assert engine.containers("web") == []
    assert not agent.state.exists() or not any(agent.state.iterdir())


def test_plan_when_nothing_changes(deployed, agent):
    assert agent.plan().changes() == {"bad": "held"}


def test_plan_of_drift(deployed, agent, engine):
    engine.remove(engine.one("mail").id)
    agent.configure(drift="repair")
    assert agent.plan().action("mail") == "repair"


def test_plan_says_what_compose_does_not_apply(repo, agent):
    text = yaml("""
        services:
          app: {image: "app:1", networks: [inner], volumes: ["store:/data"]}
        networks: {inner: {ipam: {config: [{subnet: 10.222.1.0/24}]}}}
        volumes: {store: {}}
        """)
    repo.deploy({"web/compose.yaml": text})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": text.replace("10.222.1.0", "10.222.2.0")})
    plan = agent.plan()
    assert plan.action("web") == "change"
    assert "network" in plan.notes("web") and "inner" in plan.notes("web")


def test_plan_of_suspended_and_blocked(deployed, repo, agent):
    repo.deploy({"mail/compose.yaml": app(2) + "x-mdc: {suspend: true}\n", "web/compose.yaml": "services: [x"})
    plan = agent.plan()
    assert plan.action("mail") == "held" and "suspend" in plan.reasons("mail")
    assert plan.action("web") == "blocked" and "compose.yaml" in plan.reasons("web")


def test_plan_under_a_hold(deployed, repo, agent):
    agent.run("suspend").expect(DONE)
    repo.deploy({"mail/compose.yaml": app(2)})
    text = agent.run("plan").expect(DONE).text
    assert "suspend" in text.lower()


# ---- check -------------------------------------------------------------------------------------

OK_COMPOSE = app()


def tree(place, files):
    root = place / "repo"
    for path, text in files.items():
        p = root / path
        p.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, tuple):
            p.symlink_to(text[1])
        else:
            p.write_text(text)
    return root


def manifest(text):
    return {"mdc.yaml": "version: 1\n" + yaml(text), "web/compose.yaml": OK_COMPOSE}


def of_web(keys):
    return manifest(f"projects:\n  web:\n    {keys}\n")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))

# name: (files, where, what must be said)
MISTAKES = {
    "unknown top key": (manifest("projets: {}"), "mdc.yaml:2", "projects"),
    "unknown project key": (of_web("hots: [a]"), "mdc.yaml:4", "hosts"),
    "unknown nested key": (of_web("health: {timout: 1m}"), "mdc.yaml:4", "timeout"),
    "bad duration": (of_web("health: {timeout: 5 parsecs}"), "mdc.yaml:4", "timeout"),
    "bad word": (of_web("pull: sometimes"), "mdc.yaml:4", "always"),
    "wrong type": (of_web("hosts: {a: b}"), "mdc.yaml:4", "hosts"),
    "syntax": (of_web("hosts: [a"), "mdc.yaml:", ""),
    "same key twice": (of_web("pull: never\n    pull: always"), "mdc.yaml:5", "pull"),
    "no such directory": (of_web("path: apps/web"), "mdc.yaml:", "apps/web"),
    "no Compose file there": ({**of_web("path: empty"), "empty/README": "x"}, "", "empty"),
    "no such file": (of_web("files: [compose.yaml, compose.prod.yaml]"), "", "compose.prod.yaml"),
    "no such env file": (of_web("env_files: [prod.env]"), "", "prod.env"),
    "after nobody": (of_web("after: [database]"), "mdc.yaml:", "database"),
    "after in a circle": ({**manifest("projects:\n  web: {after: [db]}\n  db: {after: [web]}\n"),
                           "db/compose.yaml": OK_COMPOSE}, "mdc.yaml:", "db"),
    "no such group": (of_web('hosts: ["@webs"]'), "mdc.yaml:", "webs"),
    "same name twice": ({"a/web/compose.yaml": OK_COMPOSE, "b/web/compose.yaml": OK_COMPOSE}, "b/web", "a/web"),
    "bad name": ({"Web Site/compose.yaml": OK_COMPOSE}, "Web Site", "name"),
    "not a URL": (of_web("health: {http: [localhost]}"), "mdc.yaml:4", "localhost"),
    "path upwards": (of_web("path: ../../etc"), "mdc.yaml:4", ".."),
    "absolute path": (of_web("path: /etc"), "mdc.yaml:4", "/etc"),
    "unknown version": ({"mdc.yaml": "version: 7\n"}, "mdc.yaml:1", "7"),
    "host side key": (of_web("compose_files: [/srv/x.yaml]"), "mdc.yaml:4", "compose_files"),
    "hook without command": (of_web("hooks: {before_snapshot: {service: db}}"), "mdc.yaml:4", "command"),
    "symlink": ({"web/compose.yaml": OK_COMPOSE, "web/x": ("link", "/etc/passwd")}, "web/x", "link"),
    "large file": ({"web/compose.yaml": OK_COMPOSE, "web/big": "x" * (1 << 20 | 1)}, "web/big", ""),
    "alias bomb": ({"mdc.yaml": BOMB}, "mdc.yaml:", "alias"),
    "bad x-mdc": ({"web/compose.yaml": OK_COMPOSE + "x-mdc: {hots: [a]}\n"}, "web/compose.yaml:", "hosts"),
    "Compose syntax": ({"web/compose.yaml": "services:\n  app: [\n"}, "web/compose.yaml:", ""),
    "unknown Compose key": ({"web/compose.yaml": OK_COMPOSE.replace("image:", "imagee:")}, "web", "imagee"),
    "extends nothing": ({"web/compose.yaml": "services: {app: {extends: {file: ../base.yaml, service: b}}}\n"}, "web",
                        "base.yaml"),
    "missing variable file": ({"web/compose.yaml": app(extra="env_file: [none.env]")}, "web", "none.env"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_check_finds(name, place, base):
    files, where, said = MISTAKES[name]
    root = tree(place, files)
    r = run_plain(place, "check", str(root)).expect(USAGE)
    assert where in r.text, r
    assert said in r.text, r
    lines = [line for line in r.text.splitlines() if "error" in line]
    assert lines and str(root) not in lines[0].split(": ")[0] or where in r.text


def test_there_are_twenty_kinds():
    assert len(MISTAKES) >= 20


def test_check_reports_all_of_them(place, base):
    root = tree(place, {"mdc.yaml": "version: 1\nprojects:\n  web: {hots: [a]}\n  db: {pull: sometimes}\n  mail: {}\n",
                        "web/compose.yaml": OK_COMPOSE, "db/compose.yaml": OK_COMPOSE,
                        "mail/compose.yaml": "services:\n  app: [\n"})
    r = run_plain(place, "check", str(root)).expect(USAGE)
    assert "mdc.yaml:3" in r.text and "mdc.yaml:4" in r.text and "mail/compose.yaml:" in r.text


def test_check_is_content_with_a_good_one(place, base):
    root = tree(place, {**manifest("atomic: true\ngroups: {edge: [\"e-*\"]}\nprojects:\n  web: {hosts: [\"@edge\"]}\n"
                                    "  db: {}\n"),
                        "db/compose.yaml": three(), "db/conf/a": "1"})
    run_plain(place, "check", str(root)).expect(DONE)
    run_plain(place, "check", cwd=root).expect(DONE)
    assert "2" in run_plain(place, "check", str(root)).text


def test_check_of_a_git_repository(repo, place):
    repo.deploy({"web/compose.yaml": OK_COMPOSE})
    run_plain(place, "check", str(repo.work)).expect(DONE)
    run_plain(place, "check", str(repo.bare)).expect(DONE)
    repo.deploy({"mdc.yaml": "version: 1\nprojets: {}\n"})
    r = run_plain(place, "check", str(repo.bare)).expect(USAGE)
    assert "mdc.yaml:2" in r.text


def test_check_json(place, base):
    root = tree(place, of_web("hots: [a]"))
    r = run_plain(place, "check", "--json", str(root)).expect(USAGE)
    findings = r.json()["findings"]
    assert findings[0]["file"] == "mdc.yaml" and findings[0]["line"] == 4


def test_check_of_nothing(place, base):
    assert run_plain(place, "check", "/nonexistent").code == USAGE
    empty = place / "empty"
    empty.mkdir()
    assert run_plain(place, "check", str(empty)).code in (DONE, USAGE)


def test_check_leaves_the_directory_alone(place, base):
    root = tree(place, manifest("projects: {web: {}}"))
    before = {str(p): p.stat().st_mtime_ns for p in root.rglob("*")}
    run_plain(place, "check", str(root)).expect(DONE)
    assert {str(p): p.stat().st_mtime_ns for p in root.rglob("*")} == before
    assert os.listdir(root / "web") == ["compose.yaml"]
