"""A push deploys, and recreates exactly what it concerns: new, changed, removed, renamed projects; hosts; settings."""

import pytest

from agent import DONE, FAILED, LATER
from composes import app, healthy, three, yaml
from transports import TRANSPORTS, make_source


def changed(before, after):
    """Services whose container is another one now."""
    return sorted(s for s in set(before) | set(after) if before.get(s) != after.get(s))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_change_recreates_just_what_it_concerns(transport, repo, place, make_agent, engine):
    with make_source(transport, repo, place) as source:
        agent = make_agent(source.url, **source.keys)
        repo.deploy({"web/compose.yaml": three(), "web/conf/a": "1\n", "web/conf/b": "x\n",
                     "other/compose.yaml": app()})
        agent.sync(DONE)
        assert engine.running("web") == ["db", "web", "worker"]
        assert engine.running("other") == ["app"]
        assert agent.current() == 1
        others = engine.ids("other")

        def push(message, files, expected):
            before = engine.ids("web")
            repo.deploy(files, message)
            agent.sync(DONE)
            assert changed(before, engine.ids("web")) == expected, message
            assert engine.ids("other") == others, message
            assert engine.running("web") == ["db", "web", "worker"], message

        push("image of one service", {"web/compose.yaml": three(db=2)}, ["db"])
        assert engine.version("web", "db") == "2"
        push("environment of one service", {"web/compose.yaml": three(db=2, env="two")}, ["worker"])
        assert engine.env("web", "worker")["MODE"] == "two"
        push("a mounted file", {"web/conf/a": "2\n"}, ["web"])
        assert engine.read("web", "/conf/a", "web") == "2"
        assert engine.read("web", "/conf/b", "web") == "x"
        push("a comment", {"web/compose.yaml": "# for people\n" + three(db=2, env="two")}, [])
        push("a file nobody mounts", {"web/README.md": "hello\n"}, [])
        push("a file of no project", {"docs/x.md": "hello\n"}, [])
        push("a mounted file more", {"web/conf/c": "new\n"}, ["web"])
        assert engine.read("web", "/conf/c", "web") == "new"


def test_nothing_new_calls_no_compose(repo, agent):
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    tree = agent.tree()
    agent.compose_calls(clear=True)
    agent.sync(DONE)
    assert agent.compose_calls() == []
    assert agent.current() == 1
    now = agent.tree()
    assert {k: (tree.get(k), now.get(k)) for k in {*tree, *now} - {"lock", "stage"} if tree.get(k) != now.get(k)} == {}


def test_removed_project_goes_down_and_its_volumes_stay(repo, agent, engine):
    repo.deploy({"web/compose.yaml": three(), "web/conf/a": "1\n", "other/compose.yaml": app()})
    agent.sync(DONE)
    engine.exec(engine.one("web", "db").id, "sh", "-c", "echo precious > /data/x")
    others = engine.ids("other")
    repo.deploy(remove=["web"])
    agent.compose_calls(clear=True)
    agent.sync(DONE)
    assert engine.containers("web") == []
    assert "web_store" in engine.volumes()
    assert engine.ids("other") == others
    assert sum("down" in call for call in agent.compose_calls()) == 1
    agent.compose_calls(clear=True)
    repo.deploy({"other/README": "x"})
    agent.sync(DONE)
    assert not any("down" in call for call in agent.compose_calls()), "it goes down once"
    repo.deploy({"web/compose.yaml": three(), "web/conf/a": "1\n"}, "back again")
    agent.sync(DONE)
    assert engine.exec(engine.one("web", "db").id, "cat", "/data/x") == "precious"


@pytest.mark.parametrize("on_remove, left", [("down", None), ("stop", "exited"), ("keep", "running")])
def test_on_remove(on_remove, left, repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(extra=f"") + f"x-mdc: {{on_remove: {on_remove}}}\n",
                 "other/compose.yaml": app()})
    agent.sync(DONE)
    repo.deploy(remove=["web"])
    agent.sync(DONE)
    assert [c.state for c in engine.containers("web")] == ([left] if left else [])


def test_renamed_project_is_another_one(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    repo.move("web", "site")
    repo.deploy(message="rename")
    agent.sync(DONE)
    assert engine.containers("web") == []
    assert engine.running("site") == ["app"]
    # The same name at another place is the same project: nothing to do for Compose.
    before = engine.ids("site")
    repo.write("mdc.yaml", "version: 1\nprojects:\n  site: {path: apps/site}\n")
    repo.move("site", "apps/site")
    repo.deploy(message="move")
    agent.sync(DONE)
    assert engine.ids("site") == before


def test_swapped_directories(repo, agent, engine):
    repo.deploy({"a/compose.yaml": app(1), "b/compose.yaml": app(2)})
    agent.sync(DONE)
    repo.move("a", "c")
    repo.move("b", "a")
    repo.move("c", "b")
    repo.deploy(message="swap")
    agent.sync(DONE)
    assert engine.version("a") == "2" and engine.version("b") == "1"


MANIFEST = """
version: 1
groups: {edge: ["edge-*"], mine: [server1]}
projects:
  everywhere: {}
  here: {hosts: [server1]}
  by-group: {hosts: ["@mine"]}
  by-glob: {hosts: ["serv*"]}
  there: {hosts: [server2]}
  at-the-edge: {hosts: ["@edge"]}
"""


def test_hosts_are_selected(repo, agent, engine):
    names = ["everywhere", "here", "by-group", "by-glob", "there", "at-the-edge"]
    repo.deploy({"mdc.yaml": yaml(MANIFEST), **{f"{n}/compose.yaml": app() for n in names}})
    agent.sync(DONE)
    up = {c.project for c in engine.containers() if c.labels.get("mdc.managed")}
    assert up == {"everywhere", "here", "by-group", "by-glob"}
    assert not agent.live("there").exists()
    # A change of another host's project concerns nobody here; one that brings it here does.
    before = {n: engine.ids(n) for n in up}
    repo.deploy({"there/compose.yaml": app(2)})
    agent.sync(DONE)
    assert {n: engine.ids(n) for n in up} == before
    repo.deploy({"mdc.yaml": yaml(MANIFEST).replace("[server2]", "[server1]").replace("here: {hosts: [server1]}",
                                                                                   "here: {hosts: [server2]}", 1)})
    agent.sync(DONE)
    assert engine.containers("here") == []
    assert engine.version("there") == "2"


def test_broken_project_of_another_host_is_no_concern(repo, agent, engine):
    repo.deploy({"mdc.yaml": "version: 1\nprojects:\n  web: {}\n  bad: {hosts: [server2]}\n",
                 "web/compose.yaml": app(), "bad/compose.yaml": "services: [oops"})
    agent.sync(DONE)
    assert engine.running("web") == ["app"]


def test_after_orders_projects(repo, agent, engine):
    repo.deploy({"mdc.yaml": "version: 1\nprojects:\n  a: {after: [b]}\n  b: {after: [c]}\n  c: {}\n",
                 **{f"{n}/compose.yaml": app() for n in "abc"}})
    agent.sync(DONE)
    started = {n: engine.inspect(engine.one(n).id)["State"]["StartedAt"] for n in "abc"}
    assert started["c"] < started["b"] < started["a"]


def test_override_env_file_profiles_and_dotenv(repo, agent, engine):
    repo.deploy({
        "web/compose.yaml": yaml("""
            services:
              app: {image: "app:${TAG}", network_mode: none, env_file: [vars.env]}
              extra: {image: "app:1", network_mode: none, profiles: [prod]}
              never: {image: "app:1", network_mode: none, profiles: [debug]}
            x-mdc: {profiles: [prod], env_files: [prod.env]}
            """),
        "web/compose.override.yaml": "services: {app: {environment: {OVER: \"yes\"}}}\n",
        "web/.env": "TAG=3\nCOMPOSE_PROJECT_NAME=hijacked\nCOMPOSE_PROFILES=debug\n",
        "web/prod.env": "TAG=2\n", "web/vars.env": "FROM_FILE=one\n"})
    agent.sync(DONE)
    assert engine.running("web") == ["app", "extra"]
    assert engine.containers("hijacked") == []
    env = engine.env("web")
    assert env["OVER"] == "yes" and env["FROM_FILE"] == "one"
    assert engine.version("web") == "2"
    before = engine.ids("web")
    repo.deploy({"web/vars.env": "FROM_FILE=two\n"})
    agent.sync(DONE)
    assert changed(before, engine.ids("web")) == ["app"]
    assert engine.env("web")["FROM_FILE"] == "two"


def test_the_agents_environment_does_not_leak(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(extra='environment: {LEAK: "${SECRET_OF_ROOT:-none}"}')})
    agent.run("sync", SECRET_OF_ROOT="leaked", COMPOSE_PROJECT_NAME="hijacked", COMPOSE_PROFILES="x").expect(DONE)
    assert engine.env("web")["LEAK"] == "none"
    assert engine.containers("hijacked") == []


def test_files_elsewhere_in_the_repository_count(repo, agent, engine):
    repo.deploy({"web/compose.yaml": yaml("""
                    services:
                      app:
                        extends: {file: ../common/base.yaml, service: base}
                        volumes: ["../common/motd:/motd:ro"]
                    """),
                 "common/base.yaml": 'services: {base: {image: "app:1", network_mode: none}}\n',
                 "common/motd": "hello\n"})
    agent.sync(DONE)
    assert engine.read("web", "/motd") == "hello"
    before = engine.ids("web")
    repo.deploy({"common/motd": "good day\n"})
    agent.sync(DONE)
    assert engine.read("web", "/motd") == "good day"
    assert engine.ids("web") != before
    repo.deploy({"common/base.yaml": 'services: {base: {image: "app:2", network_mode: none}}\n'})
    agent.sync(DONE)
    assert engine.version("web") == "2"
    before = engine.ids("web")
    repo.deploy({"common/unrelated": "x"})
    agent.sync(DONE)
    assert engine.ids("web") == before


def test_configs_and_secrets_content_recreates(repo, agent, engine):
    text = yaml("""
        services:
          app: {image: "app:1", network_mode: none, configs: [{source: c, target: /c}]}
          sec: {image: "app:1", network_mode: none, secrets: [s]}
        configs: {c: {file: ./c.txt}}
        secrets: {s: {file: ./s.txt}}
        """)
    repo.deploy({"web/compose.yaml": text, "web/c.txt": "1", "web/s.txt": "1"})
    agent.sync(DONE)
    before = engine.ids("web")
    repo.deploy({"web/c.txt": "2"})
    agent.sync(DONE)
    assert changed(before, engine.ids("web")) == ["app"]
    assert engine.read("web", "/c") == "2"
    before = engine.ids("web")
    repo.deploy({"web/s.txt": "2"})
    agent.sync(DONE)
    assert changed(before, engine.ids("web")) == ["sec"]
    assert engine.read("web", "/run/secrets/s", "sec") == "2"


def test_what_containers_write_beside_the_files_stays(repo, agent, engine):
    text = app(extra='volumes: ["./data:/data", "./conf:/conf:ro"]')
    repo.deploy({"web/compose.yaml": text, "web/conf/a": "1"})
    agent.sync(DONE)
    engine.exec(engine.one("web").id, "sh", "-c", "echo kept > /data/x")
    repo.deploy({"web/conf/a": "2"})
    agent.sync(DONE)
    assert engine.read("web", "/data/x") == "kept"
    assert engine.read("web", "/conf/a") == "2"
    before = engine.ids("web")
    repo.deploy({"web/README": "x"})
    agent.sync(DONE)
    assert engine.ids("web") == before, "what a container wrote counts as no change"


def test_removed_file_goes_away(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(extra='volumes: ["./conf:/conf:ro"]'), "web/conf/a": "1", "web/conf/b": "1"})
    agent.sync(DONE)
    repo.deploy(remove=["web/conf/b"])
    agent.sync(DONE)
    assert engine.exec(engine.one("web").id, "ls", "/conf") == "a"


def test_executable_files_stay_executable(repo, agent, engine):
    repo.write("web/run.sh", "#!/bin/sh\nexec sleep 1000000\n", 0o755)
    repo.deploy({"web/compose.yaml": app(extra='volumes: ["./run.sh:/run.sh:ro"]', command='["/run.sh"]')})
    agent.sync(DONE)
    assert engine.running("web") == ["app"]


def test_build_and_rebuild(repo, agent, engine):
    text = yaml("""
        services:
          app: {build: ., network_mode: none}
        """)
    repo.deploy({"web/compose.yaml": text, "web/Dockerfile": "FROM app:1\nCOPY text /text\n", "web/text": "one"})
    agent.sync(DONE)
    assert engine.read("web", "/text") == "one"
    repo.deploy({"web/text": "two"})
    agent.sync(DONE)
    assert engine.read("web", "/text") == "two"
    agent.rollback().expect(DONE)
    assert engine.read("web", "/text") == "one"


def test_images_are_pinned_when_a_tag_moves(repo, agent, engine, registry):
    engine.image("moving:1", "first")
    name = registry.push("moving:1", "moving:1")
    repo.deploy({"web/compose.yaml": app().replace("app:1", name), "other/compose.yaml": app()})
    agent.sync(DONE)
    assert engine.version("web") == "first"
    assert "@sha256:" in engine.inspect(engine.one("web").id)["Config"]["Image"]
    before = engine.ids("web")
    engine.image("moving:1", "second")
    registry.push("moving:1", "moving:1")
    repo.deploy({"other/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.ids("web") == before, "a tag that moved is no change of the repository"
    engine.untag(name)
    engine.untag("moving:1")


def test_pull_always_takes_the_new_image(repo, agent, engine, registry):
    engine.image("fresh:1", "first")
    name = registry.push("fresh:1", "fresh:1")
    repo.deploy({"web/compose.yaml": app().replace("app:1", name) + "x-mdc: {pull: always}\n"})
    agent.sync(DONE)
    engine.image("fresh:1", "second")
    registry.push("fresh:1", "fresh:1")
    repo.deploy({"web/compose.yaml": app(extra="environment: {N: '2'}").replace("app:1", name)
                 + "x-mdc: {pull: always}\n"})
    agent.sync(DONE)
    assert engine.version("web") == "second"
    engine.untag(name)
    engine.untag("fresh:1")


def test_services_added_and_removed(repo, agent, engine):
    repo.deploy({"web/compose.yaml": three(), "web/conf/a": "1"})
    agent.sync(DONE)
    repo.deploy({"web/compose.yaml": app(service="db")})
    agent.sync(DONE)
    assert engine.running("web") == ["db"]
    assert len(engine.containers("web")) == 1


def test_scaled_services(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(extra="scale: 3")})
    agent.sync(DONE)
    assert len(engine.containers("web")) == 3
    repo.deploy({"web/compose.yaml": app(extra="scale: 1")})
    agent.sync(DONE)
    assert len(engine.containers("web")) == 1


def test_networks_and_names(repo, agent, engine):
    repo.deploy({"web/compose.yaml": yaml("""
        services:
          front: {image: "app:1", container_name: my-front, networks: [inner]}
          back: {image: "app:1", networks: {inner: {aliases: [store]}}}
        networks: {inner: {}}
        """)})
    agent.sync(DONE)
    assert "web_inner" in engine.networks()
    assert engine.one("web", "front").name == "my-front"
    repo.deploy(remove=["web"])
    repo.deploy({"x/compose.yaml": app()})
    agent.sync(DONE)
    assert engine.containers("web") == []
    assert "web_inner" not in engine.networks(), agent.compose_calls()


def test_name_of_a_stranger_is_blocked(repo, agent, engine, bystanders):
    """A project named like a stack that is not ours: said, not taken over."""
    repo.deploy({"strangers/compose.yaml": app(2, service="web"), "other/compose.yaml": app()})
    r = agent.sync()
    assert r.code != DONE, r
    assert "strangers" in r.text
    assert engine.running("other") == ["app"]
    bystanders.check()


def test_suspended_project_is_left_alone(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app(), "other/compose.yaml": app()})
    agent.sync(DONE)
    before = engine.ids("web")
    repo.deploy({"web/compose.yaml": app(2) + "x-mdc: {suspend: true}\n", "other/compose.yaml": app(2)})
    agent.sync()
    assert engine.ids("web") == before
    assert engine.version("other") == "2"
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_suspend_and_resume(repo, agent, engine):
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    agent.run("suspend").expect(DONE)
    repo.deploy({"web/compose.yaml": app(2)})
    agent.sync()
    assert engine.version("web") == "1"
    assert "suspend" in agent.run("status").text.lower()
    agent.run("resume").expect(DONE)
    agent.sync(DONE)
    assert engine.version("web") == "2"


def test_declared_projects_without_a_repository(make_agent, place, engine):
    """The classic mode: Compose files of the host, named in agent.yaml, no repository at all."""
    agent = make_agent("unused")
    (place / "host").mkdir()
    (place / "host/compose.yaml").write_text(app(extra='volumes: ["./conf:/conf:ro"]'))
    (place / "host/conf").mkdir()
    (place / "host/conf/a").write_text("1")
    agent.configure(source=None, projects={"web": {"compose_files": [str(place / "host/compose.yaml")]}})
    agent.sync(DONE)
    assert engine.running("web") == ["app"]
    assert engine.read("web", "/conf/a") == "1"
    before = engine.ids("web")
    agent.sync(DONE)
    assert engine.ids("web") == before
    (place / "host/compose.yaml").write_text(app(2))
    agent.sync(DONE)
    assert engine.version("web") == "2"
    (place / "host/other.yaml").write_text(app())
    agent.configure(projects={"other": {"compose_files": [str(place / "host/other.yaml")]}})
    agent.sync(DONE)
    assert engine.containers("web") == []


def test_declared_beside_the_repository(repo, agent, place, engine):
    (place / "host.yaml").write_text(app())
    agent.configure(projects={"local": {"compose_files": [str(place / "host.yaml")]}})
    repo.deploy({"web/compose.yaml": app()})
    agent.sync(DONE)
    assert engine.running("web") == ["app"] and engine.running("local") == ["app"]


def test_source_path_and_tags(repo, make_agent, engine):
    repo.deploy({"hosts/a/web/compose.yaml": app(1), "hosts/b/mail/compose.yaml": app(1)})
    repo.git("tag", "deploy/v1.9")
    repo.deploy({"hosts/a/web/compose.yaml": app(2)})
    repo.git("tag", "deploy/v1.10")
    repo.deploy({"hosts/a/web/compose.yaml": app(3)})
    repo.git("push", "-q", "origin", "--tags")
    agent = make_agent(repo, path="hosts/a", tag="deploy/*")
    agent.sync(DONE)
    assert engine.version("web") == "2", "the newest tag in version order, not the branch"
    assert engine.containers("mail") == []
    repo.git("tag", "-a", "-m", "go", "deploy/v2.0")
    repo.git("push", "-q", "origin", "--tags")
    agent.sync(DONE)
    assert engine.version("web") == "3"


def test_settings_change_alone_restarts_nothing(repo, agent, engine):
    repo.deploy({"web/compose.yaml": healthy()})
    agent.sync(DONE)
    before = engine.ids("web")
    repo.deploy({"mdc.yaml": "version: 1\nprojects: {web: {health: {timeout: 19s}}}\n"})
    agent.sync(DONE)
    assert engine.ids("web") == before


@pytest.mark.slow
def test_retention_keeps_the_way_back(repo, agent, engine):
    agent.configure(retention={"generations": 3})
    for n in range(1, 7):
        repo.deploy({"web/compose.yaml": app(1, extra=f"environment: {{N: '{n}'}}")})
        agent.sync(DONE)
    kept = sorted(int(p.name) for p in (agent.state / "generations").iterdir())
    assert len(kept) <= 4 and kept[-1] == 6 == agent.current()
    agent.rollback().expect(DONE)
    assert engine.env("web")["N"] == "5"


def test_first_sync_of_an_unreachable_engine_says_so(repo, agent):
    repo.deploy({"web/compose.yaml": app()})
    agent.configure(socket="/nonexistent/docker.sock")
    r = agent.sync()
    assert r.code in (2, LATER), r
    assert "/nonexistent/docker.sock" in r.text


def test_a_failure_does_not_hide_the_rest(repo, agent, engine):
    """More than `parallel` projects, some broken: each gets its own end."""
    files = {f"p{i}/compose.yaml": app() for i in range(5)}
    files["p1/compose.yaml"] = app(command='["sh", "-c", "exit 3"]')
    files["p3/compose.yaml"] = app("nosuch").replace("app:nosuch", "127.0.0.1:1/nosuch:1")
    repo.deploy(files)
    r = agent.sync(FAILED, LATER)
    assert [n for n in ("p0", "p2", "p4") if engine.running(n) == ["app"]] == ["p0", "p2", "p4"]
    assert "p1" in r.text and "p3" in r.text
