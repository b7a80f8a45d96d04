"""
Our own judgement of health: every kind of container that a Compose file can describe, each a project of its own, all
deployed by one sync; then each verdict is looked at.
"""

import json
import re
from types import SimpleNamespace

import pytest

from agent import FAILED

FAST = {"interval": "300ms", "timeout": "2s", "retries": 3}
PASS, FAIL = {"test": ["CMD", "true"], **FAST}, {"test": ["CMD", "false"], **FAST}


def c(*command, **keys):
    keys = {"image": "app:1", "network_mode": "none", **keys}
    if command:
        keys["command"] = ["sh", "-c", *command]
    return keys


UP = "exec sleep 1000000"
# name: (services, settings, healthy?, what the reason must say)
CASES = {
    "plain": ({"app": c(UP)}, {}, True, ""),
    "checked": ({"app": c(UP, healthcheck=PASS)}, {}, True, ""),
    "slow-check": ({"app": c(UP, healthcheck={**PASS, "interval": "4s"})}, {}, True, ""),
    "late": ({"app": c("sleep 1; touch /ok; " + UP, healthcheck={**FAST, "test": ["CMD", "test", "-e", "/ok"],
                                                                  "retries": 20})}, {}, True, ""),
    "check-fails": ({"app": c(UP, healthcheck=FAIL)}, {}, False, "unhealthy"),
    "start-period": ({"app": c(UP, healthcheck={**FAIL, "start_period": "2s"})}, {}, False, "unhealthy"),
    "turns-bad": ({"app": c("touch /ok; sleep 2; rm /ok; " + UP,
                            healthcheck={**FAST, "test": ["CMD", "test", "-e", "/ok"], "retries": 1,
                                         "start_period": "100ms"})}, {}, False, "unhealthy"),
    "never": ({"app": c(UP, healthcheck={**FAIL, "retries": 1000})}, {"timeout": "3s"}, False, "3 ?s|time"),
    "no-check": ({"app": c(UP, healthcheck={"disable": True})}, {}, True, ""),
    "job": ({"app": c("exit 0")}, {}, True, ""),
    "slow-job": ({"app": c("sleep 2; exit 0")}, {}, True, ""),
    "job-fails": ({"app": c("echo broken job; exit 5")}, {}, False, "5.*broken job"),
    "job-fails-late": ({"app": c("sleep 1; echo broken late; exit 6")}, {}, False, "6.*broken late"),
    "job-and-web": ({"job": c("exit 0"), "app": c(UP)}, {}, True, ""),
    "bad-job-and-web": ({"job": c("exit 5"), "app": c(UP)}, {}, False, "job"),
    "after-job": ({"job": c("exit 0"),
                   "app": c(UP, depends_on={"job": {"condition": "service_completed_successfully"}})}, {}, True, ""),
    "after-bad-job": ({"job": c("echo no schema; exit 3"),
                       "app": c(UP, depends_on={"job": {"condition": "service_completed_successfully"}})}, {}, False,
                      "job"),
    "after-healthy": ({"db": c(UP, healthcheck=PASS),
                       "app": c(UP, depends_on={"db": {"condition": "service_healthy"}})}, {}, True, ""),
    "after-unhealthy": ({"db": c(UP, healthcheck=FAIL),
                         "app": c(UP, depends_on={"db": {"condition": "service_healthy"}})}, {}, False, "db"),
    "ends-though-always": ({"app": c("exit 0", restart="always")}, {}, False, "restart|exit"),
    "loops": ({"app": c("echo going down; exit 1", restart="always")}, {}, False, "restart|exit"),
    "loops-slowly": ({"app": c("sleep 1; exit 1", restart="always")}, {}, False, "restart|exit"),
    "loops-though-checked": ({"app": c("sleep 1; exit 1", restart="always", healthcheck=PASS)}, {}, False,
                             "restart|exit"),
    "on-failure": ({"app": c("exit 1", restart="on-failure:3")}, {}, False, "restart|exit"),
    "on-failure-ends-well": ({"app": c("exit 0", restart="on-failure:3")}, {}, True, ""),
    "no-such-command": ({"app": {**c(), "command": ["/no/such"]}}, {}, False, "/no/such"),
    "no-replicas": ({"app": c(UP), "off": c("exit 9", deploy={"replicas": 0})}, {}, True, ""),
    "replicas": ({"app": c(UP, scale=3)}, {}, True, ""),
    "one-of-replicas": ({"app": c(UP, scale=2), "bad": c("exit 1", scale=2)}, {}, False, "bad"),
    "unit-missing": ({"app": c(UP)}, {"units": ["no-such-thing.service"], "timeout": "3s"}, False,
                     "no-such-thing.service"),
    "probe-refused": ({"app": c(UP)}, {"http": ["http://127.0.0.1:18190/"], "timeout": "3s"}, False,
                      "http://127.0.0.1:18190/"),
    "probe-404": ({"app": c("exec httpd -f -p 127.0.0.1:18191 -h /www", network_mode="host")},
                  {"http": ["http://127.0.0.1:18191/nothing"], "timeout": "3s"}, False, "404"),
    "probe-ok": ({"app": c("sleep 1; exec httpd -f -p 127.0.0.1:18192 -h /www", network_mode="host")},
                 {"http": ["http://127.0.0.1:18192/index.html"]}, True, ""),
}


@pytest.fixture(scope="module")
def judged(world):
    agent, engine = world.agent, world.engine
    agent.configure(parallel=6)
    agent.health(settle="3s", timeout="30s")
    files = {}
    for name, (services, settings, _, _) in CASES.items():
        text = {"services": services}
        if settings:
            text["x-mdc"] = {"health": settings}
        files[f"{name}/compose.yaml"] = json.dumps(text)
    world.repo.deploy(files)
    r = agent.sync(timeout=400).expect(FAILED)
    entries = {p["name"]: p for p in agent.show(agent.current())["projects"]}
    return SimpleNamespace(result=r, entries=entries, engine=engine)


@pytest.mark.parametrize("name", CASES)
def test_verdict(judged, name):
    _, _, healthy, reason = CASES[name]
    entry = judged.entries[name]
    assert (entry["status"] == "good") == healthy, entry.get("why") or judged.result
    if not healthy:
        assert re.search(reason, entry["why"], re.S), entry["why"]
        assert judged.engine.running(name) == [], "what failed at first deployment is stopped"
