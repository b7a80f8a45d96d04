"""
Guides of docs/nixos.md with data: what khepri and oci-containers left (volumes without labels, by their names) is used under the
agent, and is still there for the way back. compose2nix's guide is in test_seeds_mealie.py.
"""

import json

import pytest

import nixhost
from agent import DONE
from nixhost import NixHost
from publicstacks import STACKS

pytestmark = pytest.mark.skipif(not nixhost.have_nix(), reason="Nix is not here: sh tests/install.sh installs nix-bin")


@pytest.fixture
def host(place, engine, clean_engine, base):
    h = NixHost(place / "host", engine, base / "nix")
    yield h
    h.close()


def run_with_data(engine, name, volume, text=None):
    """A container that an earlier system started by hand; its volume gets some data."""
    engine.api("POST", "/volumes/create", {"Name": volume})
    cid = engine.create(name, "app:1", ["sleep", "1000000"], NetworkMode="none", Binds=[f"{volume}:/data"])
    if text:
        engine.exec(cid, "sh", "-c", f"echo {text} > /data/x")
    return cid


KHEPRI = """{
  backend = "docker";
  compositions.nextcloud = {
    volumes = { nc_data = { }; };
    networks.nextcloud = { };
    services.app = { image = "app:1"; volumes = [ "nc_data:/data" ]; networks = [ "nextcloud" ]; restart = "unless-stopped"; };
  };
}"""


def test_s3_6_from_khepri_and_back(host, engine):
    before = run_with_data(engine, "nextcloud_app", "nextcloud_nc_data", "files")
    engine.remove(before)  # its units end with the switch, and their containers are removed
    host.switch(KHEPRI, DONE)
    app = engine.one("nextcloud")
    assert app.name == "nextcloud-app-1" and engine.exec(app.id, "cat", "/data/x") == "files"
    assert [v for v in engine.volumes() if v.startswith("nextcloud")] == ["nextcloud_nc_data"]
    # back
    assert engine.compose_run("-p", "nextcloud", "down").returncode == 0
    again = run_with_data(engine, "nextcloud_app", "nextcloud_nc_data")
    assert engine.exec(again, "cat", "/data/x") == "files"


OCI = """{
  backend = "docker";
  compositions.api = {
    services.db = { image = "app:1"; containerName = "db"; volumes = [ "pgdata:/data" ]; restart = "always";
                    healthcheck = { test = [ "CMD" "true" ]; interval = "1s"; }; };
    services.api = { image = "app:1"; dependsOn.db.condition = "service_healthy"; restart = "always"; };
    volumes.pgdata = { external = true; };
  };
}"""


def test_s3_1_from_oci_containers_and_back(host, engine):
    before = run_with_data(engine, "db", "pgdata", "rows")
    engine.remove(before)
    host.switch(OCI, DONE)
    assert engine.running("api") == ["api", "db"]
    db = engine.one("api", "db")
    assert db.name == "db" and engine.exec(db.id, "cat", "/data/x") == "rows"
    assert "pgdata" in engine.volumes() and "api_pgdata" not in engine.volumes()
    # The project leaves the configuration: the volume is not the project's and stays, as every volume does.
    host.switch("{ }", DONE)
    assert engine.containers("api") == [] and "pgdata" in engine.volumes()
    assert engine.exec(run_with_data(engine, "db", "pgdata"), "cat", "/data/x") == "rows"


def test_s0_4_a_project_of_another_unit_keeps_running(host, engine, place):
    """deactivateTest, as it should have been: what somebody else started is not ours."""
    old = place / "old_app.yaml"
    old.write_text('services:\n  old_app: {image: "app:1", network_mode: none}\n')
    assert engine.compose_run("-p", "old_app", "-f", str(old), "up", "-d").returncode == 0
    before = engine.snapshot()["containers"]
    host.switch('{ projects.current.settings.services.app = { image = "app:1"; network_mode = "none"; }; }', DONE)
    assert engine.running("current") == ["app"] and engine.running("old_app") == ["old_app"]
    after = engine.snapshot()["containers"]
    assert {cid: after[cid] for cid in before} == before


def test_s1_6_the_plan_can_be_read_before_the_first_switch(host, engine):
    """As the guides say: nothing was ever synced here, and nothing changes."""
    before = engine.snapshot()
    host.activate(KHEPRI)
    plan = host.plan()
    assert plan.action("nextcloud") == "add"
    assert engine.snapshot() == before
    assert not (host.state / "current").exists()


def test_s1_8_what_compose_reads_is_what_the_agent_sees(agent, repo, engine, place):
    """Files in the shape of public ones: each is planned for a host of its own, with Compose's own list of services."""
    some = sorted(STACKS)[::4]
    files = {f"{name}/{path}": text for name in some for path, text in STACKS[name].items()}
    repo.deploy({**files, "mdc.yaml": json.dumps({"projects": {n: {"hosts": [n]} for n in some}})})
    for name in some:
        agent.configure(host=name)
        directory = repo.work / name
        r = engine.compose_run("--project-directory", str(directory), "-p", name, "config", "--services", cwd=directory)
        assert r.returncode == 0, f"{name}: {r.stderr}"
        assert agent.plan().services(name) == sorted(r.stdout.split()), name
