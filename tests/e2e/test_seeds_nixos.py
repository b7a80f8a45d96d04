"""
What the NixOS module writes, with a real engine: the machines of nix-managed-docker-compose's own tests, khepri's compositions,
switches from configuration to configuration. docs/nixos.md lists the statements.
"""

import os
import stat

import pytest

import nixhost
from agent import DONE
from composes import app
from engine import EngineError
from nixhost import NixHost

pytestmark = pytest.mark.skipif(not nixhost.have_nix(), reason="Nix is not here: sh tests/install.sh installs nix-bin")


@pytest.fixture
def host(place, engine, clean_engine, base):
    h = NixHost(place / "host", engine, base / "nix")
    yield h
    h.close()


def test_s0_8_old_test_project_comes_up(host, engine):
    """dockerTest and podmanTest: one project from a file, its image is on the host already."""
    host.file("compose.yml", app())
    host.switch('{ projects.testApp.composeFile = here + "/compose.yml"; }', DONE)
    assert engine.running("testapp") == ["app"]
    assert engine.version("testapp") == "1"


SUBSTITUTED = 'services:\n  myservice:\n    image: "${subbed}:${secret}"\n    network_mode: none\n'


def test_s0_8_old_test_substitution_and_modes(host, engine):
    """substitutionTest: the image's name is put together from a text and a file; nobody but root reads the result."""
    host.file("compose.yml", SUBSTITUTED)
    host.file("secretpassword", "1\n")
    host.switch("""{ projects.testApp = {
        composeFile = here + "/compose.yml";
        substitutions.subbed = "app";
        substitutionsFromFiles.secret = here + "/secretpassword";
    }; }""", DONE)
    assert engine.version("testapp", "myservice") == "1"
    assert stat.S_IMODE(os.stat(host.state).st_mode) == 0o700
    written = [p for top in (host.state, host.runtime) for p in top.rglob("*") if p.is_file() and b"app:1" in p.read_bytes()]
    assert written, "the rendered file is nowhere"
    assert not [p for p in written if p.stat().st_mode & 0o077 and host.state not in p.parents], written


def test_s3_1_khepris_readme_comes_up(host, engine):
    """Both of its compositions, with images of ours under the same keys; volumes have khepri's names."""
    engine.image("nextcloud:33.0.0-apache", version=1)
    for name in ("caddy:2.8", "postgres:15"):
        engine.tag("app:1", name)
    host.local["parallel"] = 4
    host.switch("""lib.recursiveUpdate khepri.readme {
        compositions.proxy.services.caddy = { ports = [ "18080:80" ]; volumes = [ "caddy_data:/data" ]; };
        compositions.nextcloud.services.app = { image = "nextcloud:33.0.0-apache"; ports = [ "18081:80/tcp" ]; };
    }""", DONE)
    assert engine.running("proxy") == ["caddy"]
    assert engine.running("nextcloud") == ["app", "db"]
    assert engine.env("nextcloud", "db")["POSTGRES_PASSWORD"] == "pa$$word"
    assert engine.env("nextcloud", "app")["DEBUG"] == "false"
    assert {"proxy_caddy_data", "nextcloud_nc_data", "nextcloud_pg_data"} <= set(engine.volumes())
    assert {"proxy_front", "nextcloud_nextcloud"} <= set(engine.networks())


def may_be_privileged(engine):
    """Whether a privileged container can run here: inside some virtual machines root itself lacks capabilities."""
    try:
        cid = engine.create("privileged", "app:1", ["sleep", "1000000"], NetworkMode="none", Privileged=True)
    except EngineError:
        cid = "privileged"
    running = engine.inspect(cid)["State"]["Running"]
    engine.remove(cid)
    return running


@pytest.mark.parametrize("kind", ["services", "the rest"])
def test_s3_2_every_key_khepri_lacks_comes_up(host, engine, kind):
    """Each as a project of its own, all at once; what the key asks for is there."""
    engine.api("POST", "/volumes/create", {"Name": "all_there"})
    host.local["parallel"] = 4
    wanted = "lib.hasPrefix \"services_\" n" if kind == "services" else "!(lib.hasPrefix \"services_\" n)"
    privileged = may_be_privileged(engine)
    if not privileged:
        wanted += " && n != \"services_privileged\""
    host.switch(f"""{{ compositions = lib.mapAttrs (_: c: c.compositions.all)
        (lib.filterAttrs (n: _: {wanted}) khepri.unsupported); }}""", DONE)
    projects = host.settings["projects"]
    assert len(projects) == (15 + privileged if kind == "services" else 13)
    for name in projects:
        assert "app" in engine.running(name), name

    def of(project):
        return engine.inspect(engine.one(project).id)
    if kind == "services":
        assert of("services_hostname")["Config"]["Hostname"] == "www"
        assert of("services_shm_size")["HostConfig"]["ShmSize"] == 32 * 1024 * 1024
        assert of("services_network_mode")["HostConfig"]["NetworkMode"] == "none"
        assert not privileged or of("services_privileged")["HostConfig"]["Privileged"] is True
        assert of("services_networks_ipv4_address")["NetworkSettings"]["Networks"][
            "services_networks_ipv4_address_n"]["IPAddress"] == "10.231.0.10"
    else:
        assert of("volumes_external")["Mounts"][0]["Name"] == "all_there"
        assert of("volumes_name")["Mounts"][0]["Name"] == "all_other"
        assert "all_other" in engine.networks()
        assert of("partly_restart_on_failure")["HostConfig"]["RestartPolicy"] == {
            "Name": "on-failure", "MaximumRetryCount": 3}


def test_s5_4_a_switch_touches_what_changed_only(host, engine):
    host.file("a.yaml", app())
    both = '{ projects.a.composeFile = here + "/a.yaml"; projects.b.settings.services.app = { image = "app:%d"; network_mode = "none"; }; }'
    host.switch(both % 1, DONE)
    a, b = engine.inspect(engine.one("a").id), engine.ids("b")
    host.switch(both % 2, DONE)
    assert engine.inspect(engine.one("a").id)["State"]["StartedAt"] == a["State"]["StartedAt"]
    assert engine.one("a").id == a["Id"]
    assert engine.ids("b") != b and engine.version("b") == "2"
    generation = host.current()
    host.compose_calls(clear=True)
    host.switch(both % 2, DONE)
    assert host.current() == generation and not any("up" in c for c in host.compose_calls())


def test_s0_3_a_project_that_leaves_the_configuration_goes_down(host, engine):
    host.switch('{ projects.a.settings = { services.app = { image = "app:1"; network_mode = "none"; volumes = [ "data:/data" ]; }; '
                'volumes.data = { }; }; }', DONE)
    assert engine.running("a") == ["app"]
    host.switch("{ }", DONE)
    assert engine.containers("a") == []
    assert "a_data" in engine.volumes()
