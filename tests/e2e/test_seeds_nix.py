"""
Statements S2.1 to S2.4, S4.1 to S4.5 and S5.1 and S5.3: images and store paths of Nix. The store is
the tests' own, so garbage is really collected. docs/nixos.md lists them.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from agent import DONE, FAILED, LATER
from composes import app
from engine import Engine
from nixstore import NixAgent, NixStore


@pytest.fixture(scope="module")
def store(base, request):
    place = base / "t" / "nix-store"
    place.mkdir(parents=True, exist_ok=True)
    n = NixStore(place)
    yield n
    n.close()


@pytest.fixture
def nix(store, place, engine, clean_engine):
    a = NixAgent(place / "agent", engine, store)
    yield a
    a.close()
    for image in list(engine.images()):
        if image.startswith(("nixapp:", "mdc-load:")):
            engine.untag(image)


def stream(store, name, version, count=None, ends=0):
    """A program of the store that writes an image archive, as streamLayeredImage's do."""
    archive = store.add(f"archive-{version}.tar", Engine.archive(name, version))
    log = f"echo run >>{count}" if count else ":"
    return store.build(f"stream-{version}-{ends}", f"""
PATH=/usr/bin:/bin
printf '#!/bin/sh\\n{log}\\ncat %s\\nexit {ends}\\n' $archive >$out
chmod +x $out""", archive=archive)


def image(path, streams=True, ref="nixapp:1"):
    return [{"service": "app", "ref": ref, "path": path, "stream": streams}]


NIXAPP = app().replace("app:1", "nixapp:1")


def test_s2_1_archives_and_streams_are_loaded_and_never_pulled(nix, store, engine):
    nix.declare("web", NIXAPP, images=image(store.add("plain.tar", Engine.archive("nixapp:1", "file")), False))
    plan = nix.plan()
    assert "will be loaded" in plan.notes("web") and "nixapp:1" not in engine.images()
    nix.sync(DONE)
    assert engine.version("web") == "file" and nix.calls("pull") == []
    nix.declare("web", images=image(stream(store, "nixapp:1", "stream")))
    nix.sync(DONE)
    assert engine.version("web") == "stream" and nix.calls("pull") == []
    assert engine.inspect(engine.one("web").id)["Config"]["Image"].startswith("sha256:")


@pytest.mark.parametrize("why", ["producer", "loader", "name", "missing"])
def test_s2_1_a_bad_producer_or_archive_fails_before_anything_stops(nix, store, engine, why):
    nix.declare("web", NIXAPP, images=image(stream(store, "nixapp:1", "good")))
    nix.sync(DONE)
    before = engine.ids("web")
    bad = {"producer": lambda: stream(store, "nixapp:1", "half", ends=3),
           "loader": lambda: store.build("junk", "printf '#!/bin/sh\\necho junk\\n' >$out; /bin/chmod +x $out"),
           "name": lambda: stream(store, "other:1", "other"),
           "missing": lambda: "/nix/store/" + "a" * 32 + "-not-built"}[why]()
    nix.declare("web", images=image(bad))
    r = nix.sync(FAILED)
    assert bad in r.text, r
    assert {"producer": "exited with 3", "loader": "cannot load", "name": "not called nixapp:1",
            "missing": "build it first"}[why] in r.text, r
    assert engine.ids("web") == before and engine.version("web") == "good"


def test_s2_2_loaded_once_for_each_path(nix, store, engine, place):
    count = place / "count"
    path = stream(store, "nixapp:1", "once", count)
    nix.declare("web", NIXAPP, images=image(path))
    nix.sync(DONE)
    nix.declare("web", app(extra="environment: {A: '1'}").replace("app:1", "nixapp:1"))
    nix.sync(DONE)
    nix.declare("two", NIXAPP, images=image(path))
    nix.sync(DONE)
    assert count.read_text().split() == ["run"]
    assert engine.version("web") == engine.version("two") == "once"


def test_s2_3_rollback_under_a_reused_tag(nix, store, engine):
    nix.declare("web", NIXAPP, images=image(stream(store, "nixapp:1", "first")))
    nix.sync(DONE)
    nix.declare("web", images=image(stream(store, "nixapp:1", "second")))
    nix.sync(DONE)
    assert engine.version("web") == "second" and nix.current() == 2
    nix.rollback(1).expect(DONE)
    assert engine.version("web") == "first"
    nix.run("resume").expect(DONE)
    nix.sync(DONE)
    assert engine.version("web") == "second"
    # Even if somebody removed all that the engine knew of the first one.
    old = nix.show(1)
    for tag, i in engine.images().items():
        if i == old["projects"][0]["active"]["images"][0]["id"]:
            engine.untag(tag)
    nix.rollback(1).expect(DONE)
    assert engine.version("web") == "first"


def test_s2_4_no_registry_is_needed(nix, store, engine):
    """The tests' network has none, and a pull fails at once; a policy that always pulls changes nothing."""
    text = NIXAPP.replace("nixapp:1", "127.0.0.1:1/nixapp:1")
    path = store.add("away.tar", Engine.archive("127.0.0.1:1/nixapp:1", "local"))
    nix.declare("web", text, pull="always", images=image(path, False, "127.0.0.1:1/nixapp:1"))
    nix.sync(DONE)
    assert engine.version("web") == "local"


def test_s4_3_an_image_stream_survives_collection_while_kept(nix, store, engine, place):
    """Shown by 5: built offline, loaded once, rooted while a generation that needs it is kept, freed after."""
    count = place / "count"
    nix.configure(retention={"generations": 2})
    first = stream(store, "nixapp:1", "kept", count)
    nix.declare("web", NIXAPP, images=image(first))
    nix.sync(DONE)
    store.collect()
    assert store.alive(first) and any(n.startswith("stream-kept") for n in nix.rooted())
    other = stream(store, "nixapp:1", "other")
    nix.declare("web", images=image(other))
    nix.sync(DONE)
    nix.run("gc").expect(DONE)
    store.collect()
    assert store.alive(first) and store.alive(other), "generation 1 is kept"
    nix.rollback(1).expect(DONE)
    assert engine.version("web") == "kept" and count.read_text().split() == ["run"]
    nix.run("resume").expect(DONE)
    for n in range(4):
        nix.declare("web", app(extra=f"environment: {{N: '{n}'}}").replace("app:1", "nixapp:1"))
        nix.sync(DONE)
    nix.run("gc").expect(DONE)
    store.collect()
    assert not store.alive(first) and store.alive(other)
    assert not any(n.startswith("stream-kept") for n in nix.rooted())
    assert sum(t.startswith("mdc-load:") for t in engine.images()) == 1
    nix.forget("web")
    nix.declare("x", app())
    nix.sync(DONE)
    for n in range(4):
        nix.declare("x", app(extra=f"environment: {{N: '{n}'}}"))
        nix.sync(DONE)
    nix.run("gc").expect(DONE)
    store.collect()
    assert not store.alive(other) and nix.rooted() == []


def test_s4_3_paths_in_compose_files_are_roots(nix, store, engine):
    tool, conf = store.add("tool", "x"), store.add("conf", "y")
    text = app(extra=f"environment: {{TOOL: '{tool}/bin', P: '/bin:{conf}'}}")
    nix.declare("web", text)
    nix.sync(DONE)
    assert nix.rooted() == ["conf", "tool"]
    store.collect()
    assert store.alive(tool) and store.alive(conf)
    nix.declare("web", app())
    nix.sync(DONE)
    assert nix.rooted() == ["conf", "tool"], "generation 1 is kept"


@pytest.mark.parametrize("where", ["command", "bind", "config", "file in a path"])
def test_s4_4_a_path_that_is_not_there_is_refused(nix, store, engine, where):
    nix.declare("web", app())
    nix.sync(DONE)
    before = engine.ids("web")
    gone = "/nix/store/" + "b" * 32 + "-gone"
    if where == "file in a path":
        gone = store.add("there", "x") + "/conf"
    nix.declare("web", {
        "command": app(command=json.dumps([gone + "/bin/x"])),
        "bind": app(extra=f"volumes: ['{gone}:/x:ro']"),
        "file in a path": app(extra=f"volumes: ['{gone}:/x:ro']"),
        "config": app(extra="configs: [c]") + f"configs: {{c: {{file: '{gone}'}}}}\n"}[where])
    r = nix.sync(FAILED, LATER)
    assert gone in r.text and engine.ids("web") == before


@pytest.fixture
def host_store():
    """A path in the machine's own store, which the engine's containers can see."""
    if not shutil.which("nix-store"):
        pytest.skip("no nix on this machine: tests/install.sh installs nix-bin")
    added = []

    def add(name, text, place):
        file = place / name
        file.write_text(text)
        file.chmod(0o755)
        added.append(subprocess.run(["nix-store", "--add", str(file)], check=True, capture_output=True,
                                    text=True).stdout.strip())
        return added[-1]
    daemon = Path("/nix/var/nix/daemon-socket")
    made = not daemon.exists()
    daemon.mkdir(parents=True, exist_ok=True)
    yield add
    if made:
        daemon.rmdir()
    for path in added:
        subprocess.run(["nix-store", "--delete", path], check=False, capture_output=True)


def test_s4_1_the_store_is_mounted_as_the_settings_say(classic, engine, place, host_store):
    host_store("any", "any", place)
    classic.configure(nix={"gc_roots_dir": str(place / "roots")})
    classic.declare("web", app() + "  other: {image: 'app:1'}\n",
                    host_nix_store={"services": ["app"], "nix_daemon": True})
    classic.sync(DONE)
    assert engine.env("web")["NIX_REMOTE"] == "daemon"
    mounts = {m["Destination"]: m["RW"] for m in engine.inspect(engine.one("web").id)["Mounts"]}
    assert mounts == {"/nix/store": False, "/nix/var/nix/daemon-socket": True}
    assert engine.inspect(engine.one("web", "other").id)["Mounts"] == []
    classic.declare("web", host_nix_store={"services": ["nobody"]})
    r = classic.sync(FAILED)
    assert "service nobody" in r.text and engine.running("web") == ["app", "other"]


def test_s4_2_a_service_runs_a_program_of_the_hosts_store(classic, engine, place, host_store):
    program = host_store("hello", "#!/bin/sh\necho from the store\n", place)
    classic.configure(nix={"gc_roots_dir": str(place / "roots")})
    classic.declare("web", app(), host_nix_store={})
    classic.sync(DONE)
    assert engine.exec(engine.one("web").id, program) == "from the store"


def test_s4_5_only_another_path_recreates(classic, engine, place, host_store):
    one, two = (host_store(n, f"#!/bin/sh\necho {n}\n", place) for n in ("one", "two"))
    classic.configure(nix={"gc_roots_dir": str(place / "roots")})
    text = app(extra=f"environment: {{TOOL: '{one}'}}") + "  other: {image: 'app:1'}\n"
    classic.declare("web", text, host_nix_store={})
    classic.sync(DONE)
    before = engine.ids("web")
    classic.declare("web", "# the same\n" + text)
    classic.sync(DONE)
    assert engine.ids("web") == before
    classic.declare("web", text.replace(one, two))
    classic.sync(DONE)
    now = engine.ids("web")
    assert now["other"] == before["other"] and now["app"] != before["app"]
    assert sorted(p.name.partition("-")[2] for p in (place / "roots").glob("*/*/*")) == ["one", "two"]


# ---- Git and the host together ---------------------------------------------------------------
def test_s5_1_a_name_in_both_is_an_error(repo, agent, place, engine):
    (place / "host.yaml").write_text(app(2))
    repo.deploy({"web/compose.yaml": app(), "mail/compose.yaml": app()})
    agent.sync(DONE)
    agent.configure(projects={"web": {"compose_files": [str(place / "host.yaml")]}})
    r = agent.sync(FAILED)
    assert "both declared here and in the repository" in r.text
    assert engine.version("web") == "1" and engine.running("mail") == ["app"]


def test_s5_3_each_side_changes_alone_and_generations_name_both(repo, agent, place, engine):
    (place / "host.yaml").write_text(app())
    repo.deploy({"web/compose.yaml": app()})
    agent.configure(projects={"local": {"compose_files": [str(place / "host.yaml")]}})
    agent.sync(DONE)
    web, head = engine.ids("web"), repo.head()
    first = agent.show(agent.current())
    (place / "host.yaml").write_text(app(2))
    agent.sync(DONE)
    assert engine.ids("web") == web and engine.version("local") == "2"
    (place / "host2.yaml").write_text(app(3))
    agent.configure(projects={"local": {"compose_files": [str(place / "host2.yaml")]}})
    agent.sync(DONE)
    assert engine.ids("web") == web and engine.version("local") == "3"
    now = agent.show(agent.current())
    assert now["commit"]["id"] == head == first["commit"]["id"]
    assert now["host_config"] != first["host_config"]
    assert now["host_config"] in agent.run("show", str(agent.current())).text
