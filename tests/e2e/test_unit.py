"""The installed unit under a real systemd: readiness, watchdog, reload, stop, credentials, journal, and its sandbox."""

import re
from pathlib import Path

import pytest

import agent as agent_module
from agent import DONE
from composes import app, unhealthy
from gitservers import HttpsServer
from repo import Repo
from sdboot import Machine, MachineEngine, Unit
from waiting import wait_until

TARGET = 2.0  # of `systemd-analyze security`


@pytest.fixture(scope="module")
def machine(base):
    m = Machine(base / "sd")
    m.boot()
    yield m
    m.close()


@pytest.fixture(scope="module")
def docker(machine):
    e = MachineEngine(machine)
    e.start()
    for v in (1, 2, 3):
        e.image(f"app:{v}")
    return e


@pytest.fixture
def unit(machine, docker, place):
    u = Unit(machine, docker, None)
    u.repo = Repo(place / "git")
    u.source(url=f"file://{machine.inside(u.repo.bare)}")
    yield u
    u.down()
    for name in ("test", "variant"):
        u.drop_in(name, None)
    docker.wipe()
    for p in u.state.iterdir():
        machine.run("rm", "-rf", f"/var/lib/mdc-agent/{p.name}")
    machine.run("sh", "-c", "rm -rf /run/mdc-agent /etc/credstore")


def deployed(unit, version, project="web"):
    return not unit.open_work() and unit.engine.runs(project, version)


def score(text):
    return float(re.search(r"exposure level for \S+: ([0-9.]+)", text).group(1))


def with_volume(version, extra="", make=app):
    return make(version, 'volumes: ["store:/data"]\n' + extra) + "volumes: {store: {}}\n"


def test_a_push_deploys_and_a_bad_push_goes_back(unit, docker):
    """The main job inside the sandbox, with a volume that is copied and put back."""
    unit.repo.deploy({"web/compose.yaml": with_volume(1)})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    first = docker.one("web").id
    docker.exec(first, "sh", "-c", "echo one >/data/file; chown 1000:1000 /data/file; chmod 6750 /data/file")
    unit.repo.deploy({"web/compose.yaml": with_volume(2)})
    wait_until(lambda: deployed(unit, 2), 60, unit.log)
    assert len(list(unit.state.glob("snapshots/*.json"))) == 1, unit.log()
    unit.repo.deploy({"web/compose.yaml": with_volume(3, "command: ['sh', '-c', 'echo bad >/data/file; sleep 1000']\n",
                                                      make=unhealthy)})
    wait_until(lambda: unit.marks() and deployed(unit, 2), 90, unit.log)
    cid = docker.one("web").id
    assert docker.exec(cid, "cat", "/data/file") == "one"
    listing = docker.exec(cid, "ls", "-ln", "/data/file").split()
    assert listing[0] == "-rwsr-s---" and listing[2:4] == ["1000", "1000"], listing


def test_systemd_sees_readiness_and_state(unit):
    unit.repo.deploy({"web/compose.yaml": app()})
    unit.up()
    assert unit.machine.show("ActiveState") == "active"
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    wait_until(lambda: "generation 1" in unit.machine.show("StatusText"), 20, lambda: unit.machine.show("StatusText"))
    assert unit.machine.show("NRestarts") == "0"
    before = unit.main_pid()
    unit.down()
    assert unit.machine.show("Result") == "success" and before
    assert unit.engine.runs("web", 1), "stopping the agent stops nothing else"


def test_wrong_settings_fail_once_with_the_place(unit):
    unit.config.write_text("sorce: {}\n")
    assert unit.machine.run("systemctl", "start", "mdc-agent.service", check=False).code != 0
    assert unit.machine.show("ExecMainStatus") == "2" and unit.machine.show("NRestarts") == "0"
    assert "agent.yaml:1" in unit.log()
    unit.machine.systemctl("reset-failed", "mdc-agent.service")


def test_watchdog_restarts_an_agent_that_hangs(unit):
    unit.drop_in("test", "[Service]\nWatchdogSec=2\nRestartSec=100ms\n")
    unit.repo.deploy({"web/compose.yaml": app()})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    first = unit.main_pid()
    unit.machine.run("kill", "-STOP", first)
    wait_until(lambda: unit.machine.show("NRestarts") == "1" and unit.machine.show("ActiveState") == "active", 30,
               unit.log)
    assert unit.main_pid() != first
    unit.repo.deploy({"web/compose.yaml": app(2)})
    wait_until(lambda: deployed(unit, 2), 60, unit.log)


def test_reload_reads_the_settings_again(unit):
    unit.repo.deploy({"mdc.yaml": "version: 1\nprojects: {web: {hosts: [server1]}, mail: {hosts: [server2]}}\n",
                      "web/compose.yaml": app(), "mail/compose.yaml": app()})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    before = unit.main_pid()
    unit.configure(host="server2")
    unit.machine.systemctl("reload", "mdc-agent.service")
    wait_until(lambda: deployed(unit, 1, "mail") and not unit.engine.containers("web"), 60, unit.log)
    assert unit.main_pid() == before


def test_stop_in_mid_deployment_goes_on_at_the_next_start(unit, docker):
    """SIGTERM is never a reason to go back, whatever the sandbox."""
    unit.repo.deploy({"web/compose.yaml": with_volume(1)})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    unit.health(settle="8s", timeout="60s")
    unit.machine.systemctl("reload", "mdc-agent.service")
    unit.repo.deploy({"web/compose.yaml": with_volume(2)})
    wait_until(lambda: docker.runs("web", 2), 60, unit.log)
    assert unit.open_work()
    unit.down()
    assert unit.machine.show("Result") == "success", unit.log()
    assert docker.runs("web", 2) and unit.open_work(), "neither taken back nor given up"
    unit.health(settle="300ms")
    unit.up()
    wait_until(lambda: deployed(unit, 2) and unit.current() >= 3, 60, unit.log)
    assert not unit.marks()


def test_journal_has_entries_of_the_unit_with_fields(unit):
    unit.repo.deploy({"web/compose.yaml": app()})
    unit.up()
    wait_until(lambda: deployed(unit, 1), 60, unit.log)
    unit.repo.deploy({"web/compose.yaml": unhealthy(2)})
    wait_until(lambda: unit.marks() and deployed(unit, 1), 60, unit.log)
    entries = wait_until(lambda: unit.machine.journal("_SYSTEMD_UNIT=mdc-agent.service", "MDC_PROJECT=web"), 10)
    kinds = {e["MDC_EVENT"] for e in entries}
    assert any("deploy" in k for k in kinds) and any(e.get("MESSAGE_ID") for e in entries), kinds
    bad = [e for e in entries if "no database here" in e.get("MDC_REASON", "")]
    assert bad and int(bad[-1]["PRIORITY"]) <= 4, entries


def test_credentials(unit, place):
    """The token of the repository from a credential: found by the unit, readable by root only, gone with the unit."""
    unit.repo.deploy({"web/compose.yaml": app()})
    with unit.machine.within(lambda: HttpsServer(unit.repo.base, token="s3cret-token")) as server:
        unit.machine.write("/etc/credstore/mdc-agent.token", "s3cret-token\n", 0o600)
        (unit.config.parent / "ca.pem").write_text(Path(server.ca_file).read_text())
        unit.source(url=server.url("config.git"), token_file="credential:token", ca_file="/etc/mdc-agent/ca.pem")
        unit.up()
        wait_until(lambda: deployed(unit, 1), 60, unit.log)
        assert "s3cret" not in unit.machine.run("sh", "-c", f"tr '\\0' '\\n' </proc/{unit.main_pid()}/environ").out
        there = unit.machine.run("sh", "-c", "cd /run/credentials/mdc-agent.service; stat -c '%n %a %U' *").out.split()
        assert there == ["token", "400", "root"], there  # one that is not in the store is no error
        unit.run("sync").expect(DONE)  # by hand, beside the unit
        unit.down()
    assert not unit.machine.path("/run/credentials/mdc-agent.service").exists()


def test_score(unit):
    """The sandbox in figures. Copying volumes costs what the variant without shows; see the manual."""
    m = unit.machine
    whole = m.run("systemd-analyze", "security", "--no-pager", "mdc-agent.service", check=False).text
    figures = {"as installed": score(whole)}
    for name in ("no-snapshots", "btrfs", "zfs"):
        text = (agent_module.ROOT / "data" / "unit" / f"{name}.conf").read_text()
        unit.drop_in("variant", text)
        figures[name] = score(m.run("systemd-analyze", "security", "--no-pager", "mdc-agent.service", check=False).text)
        assert m.run("systemd-analyze", "verify", "/usr/local/lib/systemd/system/mdc-agent.service").code == 0
    print("\nsystemd-analyze security:", figures)
    assert figures["as installed"] <= 2.6 and figures["no-snapshots"] <= TARGET, figures
