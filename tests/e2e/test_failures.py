"""
Bad pushes. One scenario, looked at from many sides: a dozen projects run at version 1; one push breaks all but one,
each in its own way. Each broken one must be back at version 1, image, environment and mounted file, with the reason
in words; the other one is deployed.
"""

import json
import re
import socket
from types import SimpleNamespace

import pytest

from agent import DEGRADED, DONE, FAILED, LATER
from composes import Breakable, app, unhealthy

FAST = {"interval": "300ms", "timeout": "2s", "retries": 2}
OK = {"test": ["CMD", "true"], **FAST}
IDLE = ["sleep", "1000000"]


def service(v, **keys):
    return {"image": f"app:{v}", "network_mode": "none", "environment": {"V": str(v)}, "command": IDLE,
            "volumes": ["./conf:/conf:ro"], **keys}


def say(text, code):
    return ["sh", "-c", f"echo {text}; exit {code}"]


def file(service_, health=None, **services):
    text = {"services": {"app": service_, **services}}
    if health:
        text["x-mdc"] = {"health": health}
    return json.dumps(text, indent=1)


def http_server(v, port):
    return service(v, network_mode="host", command=["httpd", "-f", "-p", f"127.0.0.1:{port}", "-h", "/www"])


PROBE = {"http": ["http://127.0.0.1:18081/index.html"], "timeout": "4s"}

# name: (good Compose file, bad one, what the reason must say)
CASES = {
    "unhealthy": (file(service(1, healthcheck=OK)),
                  file(service(2, healthcheck={"test": ["CMD-SHELL", "echo no database here; exit 1"], **FAST})),
                  r"unhealthy.*no database here"),
    "loops": (file(service(1, restart="always")),
              file(service(2, restart="always", command=say("cannot bind the socket", 7))),
              r"(restart|exit).*cannot bind the socket"),
    "exits": (file(service(1)), file(service(2, command=say("no such option", 3))),
              r"3.*no such option"),
    "nocommand": (file(service(1)), file(service(2, command=["/no/such/program"])), r"/no/such/program"),
    "port": (file(service(1, network_mode="bridge")),
             file(service(2, network_mode="bridge", ports=["127.0.0.1:18080:80"])), r"18080"),
    "image": (file(service(1)), file(service(2, image="127.0.0.1:5000/nosuch:9")), r"127\.0\.0\.1:5000/nosuch:9"),
    "invalid": (file(service(1)), file(service(2, imagee="oops")), r"imagee"),
    "syntax": (file(service(1)), "services:\n  app: [1, 2\n", r"compose\.yaml:\d+"),
    "oneshot": (file(service(1), job=service(1, command=say("done", 0))),
                file(service(2), job=service(2, command=say("migration failed", 4))),
                r"job.*4.*migration failed"),
    "probe": (file(http_server(1, 18081), PROBE), file(service(2, network_mode="host"), PROBE),
              r"http://127\.0\.0\.1:18081/index\.html"),
    "reads": (file(service(1, healthcheck={"test": ["CMD", "grep", "-q", "1", "/conf/f"], **FAST})),
              file(service(2, healthcheck={"test": ["CMD", "grep", "-q", "1", "/conf/f"], **FAST})),
              r"unhealthy"),
}


def files(which, conf):
    return {path: text for name in CASES
            for path, text in ((f"{name}/compose.yaml", CASES[name][which]), (f"{name}/conf/f", conf))}


@pytest.fixture(scope="module")
def pushed(world, registry_service):
    """The scenario up to the bad push; what came of it."""
    registry_service.start()
    taken = socket.create_server(("127.0.0.1", 18080))
    agent, repo, engine = world.agent, world.repo, world.engine
    agent.configure(parallel=4)
    agent.health(settle="1500ms")  # long enough to see a crash loop
    repo.deploy({**files(0, "1"), "good/compose.yaml": file(service(1)), "good/conf/f": "1"})
    first = agent.sync(DONE)
    before = {name: engine.ids(name) for name in CASES}
    bad = repo.deploy({**files(1, "2"), "good/compose.yaml": file(service(2)), "good/conf/f": "2"}, "the bad push")
    agent.compose_calls(clear=True)
    r = agent.sync(timeout=180)
    yield SimpleNamespace(agent=agent, repo=repo, engine=engine, first=first, before=before, result=r, commit=bad,
                          status=agent.run("status", "--json"))
    taken.close()


def at_version(engine, name, v):
    """The project runs with everything of this version."""
    return (engine.one(name).state, engine.version(name), engine.env(name)["V"],
            engine.read(name, "/conf/f")) == ("running", v, v, v)


def test_exit_code_says_it(pushed):
    pushed.result.expect(FAILED)


@pytest.mark.parametrize("name", CASES)
def test_back_at_the_old_version(pushed, name):
    assert at_version(pushed.engine, name, "1")


@pytest.mark.parametrize("name", CASES)
def test_reason_in_words(pushed, name):
    expected = CASES[name][2]
    assert re.search(expected, pushed.result.text, re.S), f"/{expected}/ is not in:\n{pushed.result.text}"
    assert re.search(expected, pushed.status.out.replace("\\n", "\n"), re.S), \
        f"/{expected}/ is not in status:\n{pushed.status.out}"


def test_the_other_project_is_deployed(pushed):
    assert at_version(pushed.engine, "good", "2")


def test_untouched_where_nothing_could_start(pushed):
    """What fails before the first stop leaves the very same container running."""
    for name in ("image", "invalid", "syntax"):
        assert pushed.engine.ids(name) == pushed.before[name], name


def test_generation_records_who_is_held(pushed):
    g = pushed.agent.show(pushed.agent.current())
    entries = {p["name"]: p for p in g["projects"]}
    assert entries["good"]["status"] == "good"
    for name in CASES:
        assert entries[name]["status"] == "held" and entries[name]["why"], name


def test_nothing_is_left_open(pushed):
    assert pushed.agent.open_work() == []
    assert not [c for c in pushed.engine.containers() if re.match(r"^[0-9a-f]{12}_", c.name)]


def test_polling_does_not_try_again(pushed):
    ids = {name: pushed.engine.ids(name) for name in CASES}
    pushed.agent.compose_calls(clear=True)
    pushed.agent.sync(DONE, FAILED)
    assert not [c for c in pushed.agent.compose_calls() if "up" in c]
    assert {name: pushed.engine.ids(name) for name in CASES} == ids


def test_another_commit_does_not_try_the_same_content_again(pushed):
    ids = {name: pushed.engine.ids(name) for name in CASES}
    pushed.repo.deploy({"good/conf/f": "3", "README.md": "x"})
    pushed.agent.compose_calls(clear=True)
    pushed.agent.sync(DONE, FAILED)
    tried = {c[c.index("-p") + 1] for c in pushed.agent.compose_calls() if "up" in c}
    assert tried == {"good"}
    assert {name: pushed.engine.ids(name) for name in CASES} == ids


def test_plan_says_held_and_why(pushed):
    plan = pushed.agent.plan()
    assert plan.action("exits") == "held"
    assert "no such option" in plan.reasons("exits")
    assert plan.action("good") == "keep"


def test_retry_of_one_project_tries_it_again(pushed):
    pushed.agent.compose_calls(clear=True)
    pushed.agent.run("retry", "exits").expect(FAILED)
    tried = {c[c.index("-p") + 1] for c in pushed.agent.compose_calls() if "up" in c}
    assert tried == {"exits"}
    assert at_version(pushed.engine, "exits", "1")


def test_a_corrected_push_deploys_all(pushed):
    pushed.repo.deploy({path: text.replace("app:1", "app:3").replace('"V": "1"', '"V": "3"')
                        for path, text in files(0, "3").items() if not path.startswith("reads/")})
    reads = CASES["reads"][1].replace("app:2", "app:3").replace('"V": "2"', '"V": "1"')
    pushed.repo.deploy({"reads/compose.yaml": reads, "reads/conf/f": "1"})
    pushed.agent.sync(DONE, timeout=180)
    for name in CASES:
        if name != "reads":
            assert at_version(pushed.engine, name, "3"), name
    assert pushed.engine.version("reads") == "3"
    entries = pushed.agent.show(pushed.agent.current())["projects"]
    assert {e["status"] for e in entries} == {"good"}


# ---- single cases ------------------------------------------------------------------------------

def test_the_same_good_content_again_after_a_bad_push(repo, agent, engine):
    """A revert is the old content: nothing happens to what runs."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": unhealthy(2)})
    agent.sync(FAILED)
    ids = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(1)}, "revert")
    agent.sync(DONE)
    assert engine.ids("web") == ids and engine.version("web") == "1"
    repo.deploy({"web/compose.yaml": unhealthy(2)}, "the same bad content again")
    agent.compose_calls(clear=True)
    agent.sync(DONE, FAILED)
    assert not [c for c in agent.compose_calls() if "up" in c], "it failed here before"


def test_first_deployment_that_fails_leaves_nothing_running(repo, agent, engine):
    repo.deploy({"web/compose.yaml": unhealthy(1), "other/compose.yaml": app()})
    agent.sync(FAILED)
    assert engine.running("web") == []
    assert engine.running("other") == ["app"]
    entries = {p["name"]: p for p in agent.show(agent.current())["projects"]}
    assert entries["web"]["status"] == "missing"
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_projects_after_a_failed_one_are_not_tried(repo, agent, engine):
    manifest = "version: 1\nprojects:\n  a: {}\n  b: {after: [a]}\n  c: {}\n"
    repo.deploy({"mdc.yaml": manifest, **{f"{n}/compose.yaml": app(1) for n in "abc"}})
    agent.sync(DONE)
    repo.deploy({"a/compose.yaml": unhealthy(2), "b/compose.yaml": app(2), "c/compose.yaml": app(2)})
    r = agent.sync(FAILED)
    assert [engine.version(n) for n in "abc"] == ["1", "1", "2"]
    assert "comes after a" in r.text
    repo.deploy({"a/compose.yaml": app(3)})
    agent.sync(DONE)
    assert [engine.version(n) for n in "abc"] == ["3", "2", "2"]


@pytest.mark.parametrize("bad", [unhealthy(2), app(2, command='["sh", "-c", "exit 1"]')], ids=["unhealthy", "exits"])
def test_atomic_all_go_back(bad, repo, agent, engine):
    repo.deploy({"mdc.yaml": "version: 1\natomic: true\n", "a/compose.yaml": app(1), "b/compose.yaml": app(1),
                 "c/compose.yaml": app(1)})
    agent.sync(DONE)
    c = engine.ids("c")
    repo.deploy({"a/compose.yaml": app(2), "b/compose.yaml": bad, "d/compose.yaml": app(2)})
    agent.sync(FAILED)
    assert [engine.version(n) for n in "abc"] == ["1", "1", "1"]
    assert engine.ids("c") == c
    assert engine.running("d") == []
    assert agent.open_work() == []
    agent.compose_calls(clear=True)
    agent.sync(DONE, FAILED)
    assert not [x for x in agent.compose_calls() if "up" in x]
    repo.deploy({"b/compose.yaml": app(2)})
    agent.sync(DONE)
    assert [engine.version(n) for n in "abd"] == ["2", "2", "2"]


def test_atomic_with_a_file_that_cannot_be_read(repo, agent, engine):
    repo.deploy({"mdc.yaml": "version: 1\natomic: true\n", "a/compose.yaml": app(1), "b/compose.yaml": app(1)})
    agent.sync(DONE)
    ids = engine.ids("a")
    repo.deploy({"a/compose.yaml": app(2), "b/compose.yaml": "services: {app: {imagee: x}}\n"})
    agent.sync(FAILED)
    assert engine.ids("a") == ids, "nothing is touched when a part of it cannot be staged"


def test_failure_of_many_services_goes_back_whole(repo, agent, engine):
    def compose(v, check):
        text = {"services": {n: {"image": f"app:{v}", "network_mode": "none"} for n in ("one", "two", "three")}}
        text["services"]["three"]["healthcheck"] = {"test": ["CMD", check], **FAST}
        if v == 2:
            del text["services"]["two"]
            text["services"]["four"] = {"image": "app:2", "network_mode": "none"}
        return json.dumps(text)
    repo.deploy({"web/compose.yaml": compose(1, "true")})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": compose(2, "false")})
    agent.sync(FAILED)
    assert engine.running("web") == ["one", "three", "two"]
    assert {engine.version("web", s) for s in ("one", "two", "three")} == {"1"}


def test_files_added_by_a_bad_push_are_gone(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(1), "web/old": "1"})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": unhealthy(2), "web/new": "2"}, remove=["web/old"])
    agent.sync(FAILED)
    live = agent.live("web")
    assert (live / "old").read_text() == "1" and not (live / "new").exists()


def test_the_way_back_fails_too(repo, agent, engine, place):
    """The old version cannot come up again: say so, exit 3, do nothing more by itself; a person retries."""
    web = Breakable(place)
    repo.deploy({"web/compose.yaml": web.app(1)})
    agent.sync(DONE)
    # The push is bad, and while it is tried the world breaks for the old version as well.
    repo.deploy({"web/compose.yaml": web.app(2)})
    agent.before("up", f"touch {web.flag}")
    agent.sync(DEGRADED)
    agent.before("up", None)
    assert "degraded" in agent.run("status").text
    agent.compose_calls(clear=True)
    agent.sync(DEGRADED, DONE, FAILED)
    repo.deploy({"web/compose.yaml": web.app(3)})
    agent.sync(DEGRADED, DONE, FAILED)
    agent.run("status", "--check").expect(2)  # CRITICAL, as monitoring plugins say it
    assert not [c for c in agent.compose_calls() if "up" in c], "nothing automatic on a degraded project"
    web.flag.unlink()
    agent.run("retry", "web").expect(DONE)
    assert engine.version("web") == "3"
    assert "degraded" not in agent.run("status").text


def test_retry_after_the_bad_commit_was_taken_back(repo, agent, engine, place):
    """The content is the one that ran, and nobody knows what runs: a person's word brings it up again."""
    web = Breakable(place)
    repo.deploy({"web/compose.yaml": web.app(1)})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": web.app(2)})
    agent.before("up", f"touch {web.flag}; test ! -e {web.flag}.seen || exit 1; touch {web.flag}.seen")
    agent.sync(DEGRADED)
    agent.before("up", None)
    assert engine.version("web") == "2", "the way back never came to its containers"
    repo.deploy({"web/compose.yaml": web.app(1)})
    agent.sync(DEGRADED, DONE, FAILED)
    assert engine.version("web") == "2", "nothing automatic on a degraded project"
    web.flag.unlink()
    agent.run("retry", "web").expect(DONE)
    assert engine.version("web") == "1"
    assert agent.run("status", "--check").code == 0


def test_a_check_that_failed_before_is_no_reason_to_go_back(repo, agent, engine):
    """The probe is broken already: a change that does not make it worse is not blamed for it."""
    repo.deploy({"web/compose.yaml": app(1)})
    agent.sync(DONE)
    probe = 'x-mdc: {health: {http: ["http://127.0.0.1:18099/"], timeout: 3s}}\n'
    repo.deploy({"web/compose.yaml": app(2) + probe})
    r = agent.sync()
    assert r.code in (DONE, FAILED)
    assert engine.version("web") == ("2" if r.code == DONE else "1")


@pytest.mark.parametrize("name", ["127.0.0.1:5000/gone:1"])
def test_image_that_comes_later_is_deployed_by_retry(name, repo, agent, engine, registry):
    repo.deploy({"web/compose.yaml": app().replace("app:1", name)})
    agent.sync(FAILED, LATER)
    registry.push("app:2", "gone:1")
    agent.run("retry").expect(DONE)
    assert engine.version("web") == "2"
    engine.untag(name)
