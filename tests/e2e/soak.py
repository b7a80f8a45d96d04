"""
A host's long life in short: deployments of all kinds, mixed at random, with kills of the agent, its workers, Compose and
the engine in between. After each the promises of docs/reliability.md are looked for; what grows is measured.
Depends on: agent, engine, repo, bystanders.
"""

import json
import os
import random
import re
import signal
import time
from pathlib import Path

from agent import DEGRADED, DONE, FAILED, LATER, USAGE
from sandbox import _read
from waiting import wait_until

PROJECTS = {"web": 2, "api": 1, "tool": 1}  # name -> how many services; all but tool have a volume
DAY = 25  # deployments between two clean-ups, which the daemon makes once a day
ENDS = 12  # syncs until there must be an end
KILLS = ("agent", "agent", "sync", "worker", "worker", "compose", "polite", "everything")
MIX = ["good"] * 8 + ["sick"] * 3 + ["exits", "no command", "no yaml"] + ["atomic"] * 2 + ["atomic bad"] + ["rollback"] * 2 + [
    "rollback data", "remove"]

KEPT = 6  # generations


class Broken(AssertionError):
    """A promise that was not kept."""


def compose(name, v, how="good"):
    """A project of one version: every sign of it is the same number; each start is written into its data."""
    if how == "no yaml":
        return f"services: [{v}\n"
    write = f"echo {v} >>/data/log; " if name != "tool" else ""
    then = "exit 3" if how == "exits" else "exec sleep 1000000"
    service = {"image": f"app:{v % 3 + 1}", "network_mode": "none", "labels": {"v": str(v)}, "restart": "always",
               "command": ["sh", "-c", write + then] if how != "no command" else ["/nothing"],
               "volumes": ["./conf:/conf:ro"]}
    check = {"test": ["CMD", "false" if how == "sick" else "true"], "interval": "100ms", "timeout": "5s", "retries": 1}
    services = {"app": {**service, "healthcheck": check}}
    if name != "tool":
        services["app"]["volumes"] = ["./conf:/conf:ro", "data:/data"]
    if PROJECTS[name] > 1:
        services["two"] = {**service, "command": ["sleep", "1000000"]}
    return json.dumps({"services": services, **({"volumes": {"data": {}}} if name != "tool" else {})})


class Soak:
    def __init__(self, agent, repo, engine, bystanders, seed):
        self.agent, self.repo, self.engine, self.bystanders = agent, repo, engine, bystanders
        self.random = random.Random(seed)
        self.v = 0
        self.head = {}  # project -> (version, how) at the branch's head
        self.runs = dict.fromkeys(PROJECTS)  # project -> version, None: it is not there
        self.seen = {p: set() for p in PROJECTS}  # versions whose data may stay
        self.generations = {}  # number -> what ran when it was current
        self.took, self.counts, self.samples, self.lines = 2.0, {}, [], 0
        self.engine_kills, self.kills, self.said = 0, [], []
        self.left_behind = False  # a rollback: the branch's head is held

    # ---- a deployment ----------------------------------------------------------------------------
    def begin(self):
        self.agent.configure(retention={"generations": KEPT, "snapshots": 3, "failed_data": "20s"}, parallel=2)
        self.agent.source(poll="1h")
        self.agent.health(settle="100ms", timeout="15s")
        self.push({p: "good" for p in PROJECTS})
        self.agent.sync(DONE)
        self.runs = self.versions()
        for p in ("web", "api"):
            (self.data(p) / "precious").write_text("x")
        self.look({})
        self.agent.run_daemon(notify=False)

    def data(self, p):
        return self.engine.data_root / "volumes" / f"{p}_data" / "_data"

    def push(self, how, atomic=False):
        """One commit; how: project -> kind, or None to take it out of the repository."""
        self.v += 1
        files = {"mdc.yaml": f"version: 1\natomic: {str(atomic).lower()}\n"}
        for p, kind in how.items():
            if kind:
                files |= {f"{p}/compose.yaml": compose(p, self.v, kind), f"{p}/conf/a": str(self.v)}
                self.head[p] = (self.v, kind)
        gone = [p for p, kind in how.items() if not kind]
        for p in gone:
            del self.head[p]
        self.repo.deploy(files, f"change {self.v}", remove=gone)

    def choose(self):
        kind = self.random.choice(MIX)
        here = sorted(self.head)
        if kind == "remove" and len(here) < 2:
            kind = "good"
        if kind.startswith("rollback") and len([g for g in self.generations if g < self.agent.current()]) < 1:
            kind = "good"
        return kind

    def change(self, kind):
        """Push what this kind of deployment needs; returns the verb that deploys it."""
        if kind.startswith("rollback"):
            self.left_behind = True
            return ["rollback", "--restore-volumes", "--yes"] if kind == "rollback data" else ["rollback"]
        self.left_behind = False
        if kind.startswith("atomic"):
            how = dict.fromkeys(PROJECTS, "good")
            if kind == "atomic bad":
                how[self.random.choice(sorted(PROJECTS))] = self.random.choice(["sick", "no command"])
            self.push(how, atomic=True)
        elif kind == "remove":
            self.push({self.random.choice(sorted(self.head)): None})
        else:
            some = self.random.sample(sorted(PROJECTS), self.random.choice([1, 1, 2]))
            self.push({some[0]: kind, **dict.fromkeys(some[1:], "good")})
        return ["sync"]

    # ---- killing ---------------------------------------------------------------------------------
    def workers(self):
        """(sync processes, their workers) of this agent; the daemon is neither."""
        tops, below = [], []
        pids = []
        for p in self.agent.processes():
            try:
                if os.path.basename(os.readlink(f"/proc/{p}/exe")) == "mdc-agent":
                    pids.append(p)
            except OSError:
                pass
        for p in pids:
            stat = _read(f"/proc/{p}/stat").decode(errors="replace").rpartition(")")[2].split()
            (below if len(stat) > 1 and int(stat[1]) in pids else tops).append(p)
        return tops, below

    def victims(self, what):
        tops, below = self.workers()
        if what == "worker":
            return self.random.sample(below, 1) if below else []
        if what == "compose":
            return self.agent.compose_processes()
        if what in ("sync", "polite"):
            return tops
        return tops + below + (self.agent.compose_processes() if what == "everything" else [])

    def kill(self, what):
        if what == "engine":
            self.engine_kills += 1
            self.engine.restart(kill=self.random.random() < 0.7)
            return
        for pid in self.victims(what):
            try:
                os.kill(pid, signal.SIGTERM if what == "polite" else signal.SIGKILL)
            except ProcessLookupError:
                pass
        if what == "everything" and self.random.random() < 0.3:
            self.agent.daemon.kill()
            self.agent.daemon.wait(10)

    def run(self, verb, chance):
        """A verb, with a kill at a random moment at this chance; its result."""
        what = None
        if self.random.random() < chance:
            what = "engine" if self.random.random() < 0.04 else self.random.choice(KILLS)
        at = time.monotonic()
        process = self.agent.start(*verb)
        if what:
            until = at + self.random.random() * self.took * 1.2
            wait_until(lambda: process.poll() is not None or time.monotonic() > until, 60, every=0.01)
            if process.poll() is None:
                self.kills.append(what)
                self.kill(what)
        r = self.agent.finish(process, 180)
        if not what and verb[0] == "sync":
            self.took = 0.9 * self.took + 0.1 * min(time.monotonic() - at, 10)
        if self.agent.daemon.poll() is not None:
            self.agent.run_daemon(notify=False)
        self.said.append(f"{' '.join(verb)} -> {r.code}: {(r.out + r.err)[-1500:]}")
        return r

    def settle(self, verb):
        """Until there is an end, as the daemon would; degraded leaves by the word of a person."""
        chance = 0.6
        for _ in range(ENDS):
            r = self.run(verb, chance)
            chance = 0.3 if len(self.kills) < 3 else 0
            if r.code == USAGE and "--restore-volumes" in verb and "no data of generation" in r.text:
                self.count("no data to go back to")
                return r
            if r.code == DEGRADED and "safe mode" in r.text:
                self.count("safe mode")
                verb, chance = ["retry"], 0
                continue
            if r.code == DEGRADED and not self.agent.open_work():
                self.degraded()
                verb = ["retry"]
                chance = 0
                continue
            if r.code in (DONE, FAILED) and not self.agent.open_work():
                return r
            if r.code not in (DONE, FAILED, LATER, DEGRADED) and r.code >= 0:
                raise Broken(f"it exits {r.code}")
            verb = ["sync"]
        raise Broken(f"no end after {ENDS} syncs")

    def degraded(self):
        """Only after a kill, told, and with the way out."""
        self.count("degraded")
        if not self.kills:
            raise Broken("degraded, and nothing was killed")
        status = self.agent.run("status", "--json").json()
        names = [p["name"] for p in status["projects"] if p["state"] == "degraded"]
        if not names or "retry" not in status["next"]:
            raise Broken(f"degraded, but status says {status}")
        if not any(e["event"] == "project.degraded" for e in self.events()):
            raise Broken("degraded, and not in the history")

    # ---- looking ---------------------------------------------------------------------------------
    def versions(self):
        """Project -> its version; every sign of it says the same."""
        found = dict.fromkeys(PROJECTS)
        broken = []
        containers = self.engine.containers()
        for p, services in PROJECTS.items():
            ours = [c for c in containers if c.project == p]
            if not ours:
                continue
            v = {c.labels.get("v") for c in ours} | {(self.agent.live(p) / "conf/a").read_text()}
            if len(v) > 1 or len(ours) != services:
                broken.append(f"{p} is a mix: {ours}, files {(self.agent.live(p) / 'conf/a').read_text()}, labels {v}")
            if [c for c in ours if c.state != "running" or re.match("^[0-9a-f]{12}_", c.name)]:
                broken.append(f"{p} does not run: {ours}")
            found[p] = int(sorted(v)[0])
            if not re.search(f"^app:{found[p] % 3 + 1}(@|$)", ours[0].image) and not ours[0].image.startswith("sha256:"):
                broken.append(f"{p} of version {found[p]} runs {ours[0].image}")
        if broken:
            raise Broken("; ".join(broken))
        return found

    def events(self):
        """What was written into the history since the deployment began."""
        found = []
        for name in ("history.jsonl.1", "history.jsonl"):
            path = self.agent.state / name
            if path.exists():
                found += path.read_text().splitlines()
        return [json.loads(line) for line in found if json.loads(line).get("seq", 0) > self.lines]

    def volumes(self, now):
        for e in self.events():  # the daemon may have deployed something in between
            if e["event"] == "project.deployed":
                self.seen[e["project"]].add(re.sub(r"^change ", "", e.get("subject") or ""))
        for p in ("web", "api"):
            if not (self.data(p) / "precious").exists():
                raise Broken(f"the data of {p} is lost: {os.listdir(self.data(p).parent)}")
            log = (self.data(p) / "log").read_text().split()
            if now[p]:
                self.seen[p].add(str(now[p]))
                if log[-1] != str(now[p]):
                    raise Broken(f"{p} runs {now[p]} on data of {log[-1]}")
            if not set(log) <= self.seen[p]:
                raise Broken(f"the data of {p} has {sorted(set(log) - self.seen[p])}, which did not hold")

    def records(self, now):
        if self.agent.open_work():
            raise Broken(f"still open: {self.agent.open_work()}")
        number = self.agent.current()
        shown = {e["name"]: e for e in self.agent.show(number)["projects"]}
        named = {p for p, e in shown.items() if e["status"] != "missing"}
        if named != {p for p, v in now.items() if v}:
            raise Broken(f"generation {number} names {named}, {now} runs")
        if self.generations.setdefault(number, now) != now:
            raise Broken(f"generation {number} was {self.generations[number]}, now it is {now}")

    def told(self, before, now):
        events = self.events()
        for p in PROJECTS:
            if before.get(p) != now[p] and not any(e.get("project") == p for e in events):
                raise Broken(f"{p} went from {before.get(p)} to {now[p]}, and the history does not know")

    def look(self, before):
        now = self.versions()
        self.volumes(now)
        self.records(now)
        if before:
            self.told(before, now)
        self.bystanders.check()
        return now

    def expected(self, kind, before, now):
        """Old or new, whole; exactly the new one where nothing was killed."""
        for p in PROJECTS:
            head, how = self.head.get(p, (None, "good"))
            allowed = {before[p]} | ({head} if how == "good" else set())
            if kind.startswith("rollback"):
                continue  # records() compares with what that generation was
            if now[p] not in allowed:
                raise Broken(f"{p} went from {before[p]} to {now[p]}, the branch says {head} ({how})")
            new = head in (self.v, None)  # what an earlier death has left behind waits for a person
            if not self.kills and kind in ("good", "atomic", "remove") and now[p] != head and how == "good" and new:
                raise Broken(f"{p} is at {now[p]} and should be at {head}; nothing was killed")
        changed = {p for p in PROJECTS if now[p] != before[p]}
        if kind.startswith("atomic") and changed and changed != set(PROJECTS):
            raise Broken(f"some and not all: {before} -> {now}")
        if kind == "atomic bad" and changed:
            raise Broken(f"one of them is bad: {before} -> {now}")

    def mend(self, now):
        """What only the kills kept from being deployed is deployed when a person says so."""
        good = {p: v for p, (v, how) in self.head.items() if how == "good"}
        if self.left_behind or all(now[p] == v for p, v in good.items()) or len(good) != len(self.head):
            return now
        self.agent.run("retry").expect(DONE)
        after = self.look(now)
        if any(after[p] != v for p, v in good.items()):
            raise Broken(f"after `retry` it is {after} and not {good}")
        self.count("retried")
        return after

    def step(self, n):
        kind = self.choose()
        before, self.kills, self.said = self.runs, [], []
        self.lines = max([e.get("seq", 0) for e in self.events()] or [self.lines])
        verb = self.change(kind)
        try:
            self.deploy(kind, verb, before)
        except AssertionError as e:
            said = "\n".join(self.said)
            raise Broken(f"deployment {n} ({kind}, killed: {self.kills}): {e}\nhead {self.head}\n{said}") from e
        self.count(kind)
        for what in self.kills:
            self.count(f"killed {what}")

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def deploy(self, kind, verb, before):
        if not kind.startswith("rollback"):
            for p, (v, _) in self.head.items():
                if before[p] is None:
                    self.seen[p].add(str(v))  # nothing to go back to: its volume stays as it left it
        self.settle(verb)
        now = self.look(before)
        self.expected(kind, before, now)
        self.runs = self.mend(now)

    # ---- measuring -------------------------------------------------------------------------------
    def measure(self, n):
        state = self.agent.state
        rollup = _read(f"/proc/{self.agent.daemon.pid}/smaps_rollup").decode()
        pss = re.search(r"^Pss:\s+(\d+)", rollup, re.M)
        size = sum(f.lstat().st_size for f in state.rglob("*") if f.is_file() and not f.name.startswith("history.jsonl"))
        self.samples.append({
            "deployments": n, "daemon_pss_kb": int(pss.group(1)) if pss else 0, "state_kb": size // 1024,
            "packs": len(list(state.glob("repo.git/objects/pack/*.pack"))),
            "generations": len(list(state.glob("generations/*"))), "snapshots": len(list(state.glob("snapshots/*.json"))),
            "models": len(list(state.glob("projects/*/models/*"))), "marks": len(list(state.glob("marks/*"))),
            "history_kb": sum(f.stat().st_size for f in state.glob("history.jsonl*")) // 1024,
            "images": len(self.engine.images()), "temporary": len(list(state.rglob(".mdc-tmp.*"))),
        })
        return self.samples[-1]

    def copies(self):
        """Copies of volumes and their records: each has the other."""
        recorded, there = set(), set()
        for record in self.agent.state.glob("snapshots/*.json"):
            for v in json.loads(record.read_text().partition("\n")[2])["volumes"]:
                if v.get("place") and not v.get("moved"):
                    recorded.add(v["place"])
        for top in (self.agent.state / "snapshots", *self.engine.data_root.glob(".mdc-agent/*")):
            there |= {str(p) for p in Path(top).glob("*/*") if p.is_dir() and p.parent.is_dir()}
        return recorded, {p for p in there if not p.endswith(".mdc-agent")}

    def clean_up(self):
        """What the daemon does once a day. Between two of them a sync that is killed before its end leaves one too many."""
        self.agent.run("gc").expect(DONE)
        n = len(list(self.agent.state.glob("generations/*")))
        if n > KEPT + 2:  # `current` and the one before it are never removed, however old a rollback made them
            raise Broken(f"{n} generations, and {KEPT} are to be kept")

    def close(self):
        """Everything is settled: what is left over then is left over for good."""
        self.agent.stop_daemon()
        for path in self.agent.state.rglob(".mdc-tmp.*"):
            os.utime(path, (1, 1), follow_symlinks=False)
        self.clean_up()
        recorded, there = self.copies()
        if not recorded <= there:
            raise Broken(f"records without copies: {sorted(recorded - there)}")
        if there - recorded:
            raise Broken(f"copies without records: {sorted(there - recorded)}")
        left = [str(p) for p in self.agent.state.rglob(".mdc-tmp.*")]
        left += [str(p) for p in self.engine.data_root.glob("volumes/*/*") if p.is_dir() and p.name != "_data"]
        if left:
            raise Broken(f"left over: {left}")


def bounded(samples):
    """What must not grow: from the second third on, the most is not far above the most before."""
    first, rest = samples[:len(samples) // 3 + 1], samples[len(samples) // 3 + 1:]
    for key, more in (("daemon_pss_kb", 300), ("state_kb", 2048), ("packs", 8), ("snapshots", 6), ("models", 8),
                      ("images", 6), ("marks", 12)):
        before, after = max(s[key] for s in first), max(s[key] for s in rest)
        if after > before * 1.25 + more:
            raise Broken(f"{key} grew from {before} to {after}: {[s[key] for s in samples]}")


def soak(agent, repo, engine, bystanders, n, seed):
    s = Soak(agent, repo, engine, bystanders, seed)
    at = time.monotonic()
    s.begin()
    every = max(n // 20, 1)
    for i in range(1, n + 1):
        s.step(i)
        if i % DAY == 0:
            s.clean_up()
        if i % every == 0:
            print(f"{time.monotonic() - at:5.0f} s", s.measure(i), flush=True)
    s.close()
    if n >= 4 * DAY:  # in a short one all still grows to what is kept
        bounded(s.samples)
    print(f"{n} deployments, seed {seed}, {time.monotonic() - at:.0f} s: {dict(sorted(s.counts.items()))}; "
          f"0 promises broken", flush=True)
