"""
Statements S0.4, S1.1 to S1.7, S2.6 and S5.4: moving from other tools, mounts, units, reload. docs/nixos.md lists them.
"""

import signal
import subprocess

import pytest

from agent import DONE, FAILED, LATER
from classic import Classic
from composes import app
from waiting import wait_until

DATA = app(extra='volumes: ["data:/data"]') + "volumes: {data: {}}\n"


# ---- Compose projects of somebody else: on an engine without the other tests' bystanders ----------------
@pytest.fixture
def alone(base, place, engine_on):
    engine = engine_on("ext4")
    a = Classic(place / "alone", engine)
    yield a
    a.close()
    engine.wipe()


def start_by_hand(engine, place, name, text=DATA):
    file = place / f"{name}.yaml"
    file.write_text(text)
    r = engine.compose_run("-p", name, "-f", str(file), "up", "-d")
    assert r.returncode == 0, r.stderr
    return file


@pytest.mark.parametrize("remove", [False, True])
def test_s0_4_what_somebody_else_started(alone, place, remove):
    """Shown by 2: a project that another unit started stays (default), or goes down once as 0.6 took it down."""
    engine = alone.engine
    start_by_hand(engine, place, "stranger").unlink()
    engine.api("POST", f"/containers/{engine.one('stranger').id}/stop?t=0")
    before = engine.ids("stranger")
    alone.configure(remove_unmanaged=remove)
    alone.declare("web", app())
    plan = alone.plan()
    assert plan.changes() == {"web": "add", **({"stranger": "remove"} if remove else {})}
    if remove:
        assert "remove_unmanaged" in plan.reasons("stranger") and "volumes stay" in plan.reasons("stranger")
    alone.sync(DONE)
    assert engine.running("web") == ["app"] and "stranger_data" in engine.volumes()
    assert engine.ids("stranger") == ({} if remove else before)
    downs = alone.calls("down")
    assert [c[c.index("-p") + 1] for c in downs] == (["stranger"] if remove else [])
    told = [e["reason"] for e in alone.history() if e["event"] == "project.removed"]
    assert len(told) == remove and all("remove_unmanaged" in t for t in told)
    alone.compose_calls(clear=True)
    alone.sync(DONE)
    assert alone.compose_calls() == []


def test_s0_4_never_a_project_that_is_wanted_or_adopted(alone, place):
    engine = alone.engine
    start_by_hand(engine, place, "mail")
    alone.configure(remove_unmanaged=True)
    alone.declare("mail", app())
    r = alone.sync(FAILED)
    assert "adopt" in r.text and engine.running("mail") == ["app"]


# ---- compose2nix with a snapshot script -------------------------------------------------------------------
def test_s1_1_plan_prints_the_old_scripts_order_and_snapshots_carry_the_name(classic, engine):
    classic.declare("mealie", DATA)
    classic.sync(DONE)
    assert not list(classic.state.glob("snapshots/*.json")), "a first deployment gets none (S1.2)"
    classic.declare("mealie", DATA.replace("app:1", "app:2"))
    assert "order: stop, snapshot mealie_PRE-2, upgrade, health" in classic.plan().notes("mealie")
    assert "order: stop, snapshot mealie_PRE-2" in classic.run("plan").text
    classic.sync(DONE)
    names = [p.name for p in classic.state.glob("snapshots/*.json")]
    assert len(names) == 1 and names[0].startswith("mealie_PRE-2-")


def test_s1_2_an_unchanged_project_gets_no_snapshot_and_no_stop(classic, engine):
    classic.declare("mealie", DATA)
    classic.sync(DONE)
    before = engine.snapshot()
    classic.declare("other", app())
    classic.sync(DONE)
    classic.declare("mealie", "# a comment\n" + DATA)
    classic.sync(DONE)
    now = engine.snapshot()
    assert {k: v for k, v in now["containers"].items() if k in before["containers"]} == before["containers"]
    assert not list(classic.state.glob("snapshots/*.json"))


def test_s1_3_going_back_by_itself_and_by_hand(classic, engine):
    classic.declare("mealie", DATA)
    classic.sync(DONE)
    engine.exec(engine.one("mealie").id, "touch", "/data/kept")
    bad = '"data:/data"]\n    command: ["sh", "-c", "rm /data/kept; exit 3"]'
    classic.declare("mealie", DATA.replace('"data:/data"]', bad))
    classic.sync(FAILED)
    assert engine.exec(engine.one("mealie").id, "ls", "/data") == "kept"
    classic.declare("mealie", DATA.replace("app:1", "app:2"))
    classic.sync(DONE)
    classic.rollback(1).expect(DONE)
    assert engine.version("mealie") == "1"


def test_s1_4_names_never_collide(classic, engine):
    classic.declare("mealie", DATA)
    classic.sync(DONE)
    for n in range(2, 5):
        classic.declare("mealie", DATA.replace("app:1", f"app:{n % 3 + 1}"))
        classic.sync(DONE)
    names = sorted(p.name for p in classic.state.glob("snapshots/*.json"))
    assert [n.rpartition("-")[0] for n in names] == ["mealie_PRE-2", "mealie_PRE-3", "mealie_PRE-4"]
    classic.rollback(3).expect(DONE)
    classic.run("resume").expect(DONE)
    classic.sync(DONE)
    names = [p.name for p in classic.state.glob("snapshots/*.json")]
    assert len(set(names)) == len(names) >= 4


def test_s1_5_a_mount_that_is_not_there(classic, engine, place):
    point = place / "disk"
    point.mkdir()
    classic.declare("web", app())
    classic.sync(DONE)
    before = engine.ids("web")
    classic.declare("web", app(2), requires_mounts=[str(point)])
    classic.declare("other", app())
    r = classic.sync(LATER)
    assert f"nothing is mounted at {point}" in r.text
    assert engine.ids("web") == before and engine.running("other") == ["app"]
    assert any(str(point) in e.get("reason", "") for e in classic.history())
    subprocess.run(["mount", "-t", "tmpfs", "none", str(point)], check=True)
    try:
        classic.sync(DONE)
        assert engine.version("web") == "2"
    finally:
        subprocess.run(["umount", str(point)], check=True)


# What compose2nix 0.3 makes of the blog's file: volumes and networks without Compose's labels.
MEALIE = """services:
  mealie:
    image: app:1
    container_name: mealie
    volumes: ["mealie-data:/data"]
    depends_on: [postgres]
    labels: {compose2nix.systemd.service.Restart: always, compose2nix.settings.autoStart: "false"}
  postgres:
    image: app:1
    volumes: ["mealie-pgdata:/data"]
    labels: ["compose2nix.settings.sops.secrets=a,b"]
volumes: {mealie-data: {}, mealie-pgdata: {}}
"""


def test_s1_6_mealie_is_migrated_with_its_volumes(classic, engine):
    """Shown by 6. The network that compose2nix made is named before anything is touched; volumes are used as they are."""
    for name in ("mealieio_mealie-data", "mealieio_mealie-pgdata"):
        engine.api("POST", "/volumes/create", {"Name": name})
        c = engine.create(f"old-{name}", "app:1", ["sh", "-c", "sleep 1000"], NetworkMode="none",
                          Binds=[f"{name}:/data"])
        engine.exec(c, "touch", f"/data/{name}")
        engine.remove(c)
    engine.api("POST", "/networks/create", {"Name": "mealieio_default"})
    classic.declare("mealie", MEALIE, project_name="mealieio")
    assert "mealieio_default" in classic.plan().reasons("mealie")
    r = classic.sync(LATER)
    assert "network mealieio_default was not made by Compose" in r.text
    assert "mealieio-root.target" in r.text and "docker network rm mealieio_default" in r.text
    assert engine.containers("mealieio") == []
    engine.api("DELETE", "/networks/mealieio_default")
    r = classic.sync(DONE)
    assert engine.running("mealieio") == ["mealie", "postgres"]
    for service, volume in (("mealie", "mealieio_mealie-data"), ("postgres", "mealieio_mealie-pgdata")):
        assert engine.exec(engine.one("mealieio", service).id, "ls", "/data") == volume
    classic.declare("mealie", MEALIE.replace("app:1", "app:2"))
    assert "order: stop, snapshot mealie_PRE-2" in classic.plan().notes("mealie")
    classic.sync(DONE)
    assert engine.exec(engine.one("mealieio", "postgres").id, "ls", "/data") == "mealieio_mealie-pgdata"


def test_s1_7_labels_of_compose2nix(classic, engine):
    classic.declare("mealie", MEALIE)
    r = classic.run("plan")
    assert "compose2nix.settings.autoStart=false" in r.text and "'mealie'" in r.text and "profile" in r.text
    classic.sync(DONE)
    assert engine.one("mealie", "mealie").labels["compose2nix.systemd.service.Restart"] == "always"


# ---- units of the host, and reload --------------------------------------------------------------------------
def test_s2_6_a_unit_that_is_not_active_is_unhealthy(classic, engine):
    classic.health(timeout="1s", settle="200ms")
    classic.declare("web", app())
    classic.sync(DONE)
    classic.declare("web", app(2), health={"units": ["container@nosuch.service"]})
    r = classic.sync(FAILED)
    assert "container@nosuch.service" in r.text and engine.version("web") == "1"


def test_s5_4_a_reload_leaves_unchanged_projects_alone(classic, engine):
    classic.declare("web", app())
    classic.declare("other", app())
    classic.run_daemon()
    wait_until(lambda: engine.running("web") == engine.running("other") == ["app"], 60, classic.daemon_log)
    wait_until(lambda: classic.open_work() == [] and classic.current() > 0, 30, classic.daemon_log)
    ids = engine.ids("web")
    started = engine.inspect(ids["app"])["State"]["StartedAt"]
    pid = classic.daemon.pid
    classic.declare("other", app(2))
    classic.declare("third", app())
    classic.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: engine.runs("other", 2) and engine.runs("third", 1), 60, classic.daemon_log)
    assert engine.ids("web") == ids and engine.inspect(ids["app"])["State"]["StartedAt"] == started
    assert classic.daemon.poll() is None and classic.daemon.pid == pid
    wait_until(lambda: classic.open_work() == [], 30, classic.daemon_log)
    classic.stop_daemon()
    classic.run_daemon()
    assert engine.ids("web") == ids and engine.inspect(ids["app"])["State"]["StartedAt"] == started
    classic.stop_daemon()
