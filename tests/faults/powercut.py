"""
Power cuts: a run is recorded, and after each prefix of what it did to the disk the state directory is made as a cut there may
leave it, in each form of disk.py; then the agent syncs, and the promises are looked for.
    python3 powercut.py PROGRAMS            a sample (MDC_POWERCUT_SECONDS, default 45; MDC_POWERCUT_SEED)
    MDC_POWERCUT=all                        every state
    MDC_POWERCUT=SCENARIO                   every state of one scenario
    MDC_POWERCUT=SCENARIO:PREFIX:FORM       one state; its directory is kept
The engine is put back to what it was at the last call that ended before the cut: containers survive the power cut.
Depends on: disk.py, world.py, scenarios.py, promises.py, fake_engine.py, fake_compose.c; strace, git, a C compiler.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import promises
import scenarios
from disk import FORMS, STRACE, Disk, calls, write_tree
from scenarios import Success
from world import DONE, FAILED, PROJECT, World, files

HERE = Path(__file__).resolve().parent
CRASH = re.compile(r"signal \d+|[Ss]egmentation|Assertion|core dumped|AddressSanitizer|runtime error")
REPAIR = re.compile(r"is damaged|is not a record of this agent")


class Add(Success):
    """The first sync of all, into an empty directory."""
    name, projects, ends, data = "add", ("a", "b", "other"), ("1",), {}

    def begin(self, w):
        w.push({**files("a", 1, data=False), **files("b", 1, data=False), **files("other", 1, data=False)})
        w.state.mkdir(mode=0o700)


class Change(Success):
    """Other files and settings, without data."""
    name, data = "change", {}

    def begin(self, w):
        w.push({**files("web", 1, data=False), **files("other", 1, data=False)})
        scenarios.expect(w, "sync")
        w.push(files("web", 2, data=False))


class Remove(Change):
    name, ends = "remove", (None,)

    def begin(self, w):
        w.push({**files("web", 1, data=False), **files("other", 1, data=False)})
        scenarios.expect(w, "sync")
        w.push({}, remove=["web"])


class Rollback(Change):
    """By hand. The content that was left is what the source has: a cut before the hold is written ends there."""
    name, verb = "rollback", ("rollback",)

    def begin(self, w):
        super().begin(w)
        scenarios.expect(w, "sync")


class Resume(Rollback):
    """Back to the source after a rollback."""
    name, verb = "resume", ("resume",)

    def begin(self, w):
        super().begin(w)
        scenarios.expect(w, "rollback")


ALL = [Add(), Change(), scenarios.Undo(), Remove(), Rollback(), Resume(), scenarios.Atomic(), scenarios.AtomicUndo()]


class Place(World):
    """A world whose verbs run without the enumeration's tracer, and whose engine writes down when it changed."""

    def __init__(self, base, programs, tools):
        super().__init__(base, programs, tools)
        self.changes, inner = [], self.engine.answer

        def answer(*request):
            try:
                return inner(*request)
            finally:
                if not self.changes or self.changes[-1][1] != self.engine.state:
                    self.changes.append((time.time(), self.engine.save()))
        self.engine.answer = answer

    def run(self, *verb, trace=None, **_):
        argv = [*(STRACE + ["-o", str(trace)] if trace else []), self.agent, "--config", str(self.config), *verb]
        r = subprocess.run(argv, stdin=subprocess.DEVNULL, cwd="/", capture_output=True, text=True, errors="replace", check=False,
                           timeout=120, env={"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"})
        return r.returncode, r.stdout + r.stderr

    def history(self):
        """A line that a cut tore stays as it is; the agent's readers pass over it too."""
        found = []
        path = self.state / "history.jsonl"
        for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found


class Cut:
    """One state: the disk and the engine after a prefix."""

    def __init__(self, run, prefix, form, tree, engine, last):
        self.run, self.prefix, self.form, self.tree, self.engine, self.last = run, prefix, form, tree, engine, last

    def __str__(self):
        return f"{self.run.s.name}:{self.prefix}:{self.form}"


class Run:
    """A scenario, recorded."""

    def __init__(self, s, base, programs, tools):
        self.s, self.w = s, Place(base / s.name, programs, tools)
        w, trace = self.w, base / f"{s.name}.trace"
        s.begin(w)
        self.before = {"volumes": [], "versions": {p: next(iter(w.project(p).values()), None) for p in s.projects},
                       "history": len(w.history()), "foreign": w.untouched(), "engine": w.engine.save()}
        disk = Disk(w.state)
        w.changes.clear()
        w.run(*s.verb, trace=trace)
        self.changes = [(0, self.before["engine"]), *w.changes]
        # Half a pack goes with the next fetch over a network. What a clean end leaves; a run that ended before it began may leave what was there before.
        half = {f"state/repo.git/objects/pack/pack_gitN_H{x}" for x in ("", "idx.lock")}
        self.before["shapes"] = w.shapes() | half | {re.sub(r"\d+", "N", re.sub(r"[0-9a-f]{8,}", "H", f"state/{p}"))
                                              for p in disk.tree("all") if p}
        self.prefixes = 0
        self.cuts = self._cuts(disk, trace)
        self._end_as_modelled(disk)

    def _cuts(self, disk, trace):
        found, seen, at = [], set(), 0

        def here(last):
            for form in FORMS:
                tree = disk.tree(form)
                key = (at, frozenset(tree.items()))
                if key not in seen:
                    seen.add(key)
                    found.append(Cut(self, self.prefixes, form, tree, self.changes[at][1], last))
            self.prefixes += 1
        here("the beginning")
        for when, name, raw, result, opened in calls(trace):
            while at + 1 < len(self.changes) and self.changes[at + 1][0] <= when:
                at += 1
                here("a change in the engine")
            if disk.play(name, raw, result, opened):
                here(f"{name}({raw[:160].decode(errors='replace')})".replace(str(self.w.state), "STATE"))
        return found

    def _end_as_modelled(self, disk):
        """The model of the whole run is the directory as it is, or the model is wrong."""
        real = Disk(self.w.state).tree("all")
        ours = disk.tree("all")
        wrong = [p for p in {*real, *ours} if (real.get(p) or [None] * 3)[::2] != (ours.get(p) or [None] * 3)[::2]]
        if wrong:
            raise RuntimeError(f"{self.s.name}: the model differs from the directory: {sorted(wrong)[:5]}")


def damaged_git(w):
    r = subprocess.run(["git", "--git-dir", str(w.state / "repo.git"), "fsck", "--no-dangling", "--no-progress"], check=False,
                       capture_output=True, text=True, errors="replace", env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
    return [f"git fsck: {(r.stdout + r.stderr).strip()[:300]}"] if r.returncode else []


def tried(cut):
    """What is broken after the cut and a sync, in words."""
    w, s = cut.run.w, cut.run.s
    write_tree(cut.tree, str(w.state))
    shutil.rmtree(w.root / "run", ignore_errors=True)
    w.engine.put_back(cut.engine)
    code, said = w.run("sync")
    broken = []
    if code not in (DONE, FAILED) or CRASH.search(said):
        broken.append(f"sync exits {code}: {said[-500:]}")
    if REPAIR.search(said):
        broken.append(f"damaged: {REPAIR.search(said)[0]}: {said[-500:]}")
    try:
        broken += promises.check(w, s, cut.run.before)
        broken += unlike_the_source(w, s)
    except (OSError, ValueError, KeyError) as e:
        broken.append(f"cannot be checked: {type(e).__name__} {e}")
    return broken + damaged_git(w)


def unlike_the_source(w, s):
    """The agent's copy of compose.yaml is of the version that runs."""
    broken = []
    for p in s.projects:
        path = w.state / "live" / p / "compose.yaml"
        runs = {c["env"]["V"] for c in w.engine.containers(p) if PROJECT in c["labels"]}
        if runs and not path.exists():
            broken.append(f"live/{p}/compose.yaml is missing")
        elif runs and {x["environment"]["V"] for x in json.loads(path.read_text())["services"].values()} != runs:
            broken.append(f"live/{p}/compose.yaml is of another version than {runs}")
    return broken


def chosen(runs, what):
    """The states to try, and until when."""
    every = [c for r in runs for c in r.cuts]
    if ":" in what:
        return [c for c in every if str(c) == what], None
    if what:
        return every, None
    seed = os.environ.get("MDC_POWERCUT_SEED") or str(random.randrange(1 << 30))
    seconds = float(os.environ.get("MDC_POWERCUT_SECONDS", "45"))
    print(f"a sample: seed {seed}, {seconds:g} s; MDC_POWERCUT=all for every state", flush=True)
    random.Random(seed).shuffle(every)
    return every, time.monotonic() + seconds


def main(programs):
    what = os.environ.get("MDC_POWERCUT", "")
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    base = Path(tempfile.mkdtemp(prefix="mdct-powercut-", dir=where)).resolve()
    try:
        tools = base / "tools"
        tools.mkdir()
        subprocess.run(["cc", "-O1", "-o", str(tools / "docker-compose"), str(HERE.parent / "tools" / "fake_compose.c")], check=True)
        only = "" if what == "all" else what.partition(":")[0]
        runs = [Run(s, base, Path(programs).resolve(), tools) for s in ALL if only in ("", s.name)]
        for r in runs:
            print(f"{r.s.name}: {r.prefixes} prefixes, {len(r.cuts)} different states", flush=True)
        cuts, until = chosen(runs, what)
        done = broken = 0
        junk = Counter()
        for cut in cuts:
            if until and time.monotonic() > until:
                break
            faults = tried(cut)
            junk.update(f for f in faults if f.startswith("left over"))
            faults = [f for f in faults if not f.startswith("left over")]
            done += 1
            broken += bool(faults)
            for fault in faults:
                print(f"{cut} after {cut.last}\n    {fault}", flush=True)
        for text, n in junk.most_common(12):
            print(f"harmless, after {n} cuts {text}")
        print(f"{sum(r.prefixes for r in runs)} prefixes x {len(FORMS)} forms, {sum(len(r.cuts) for r in runs)} different states; "
              f"{done} tried, {broken} broken")
        return 1 if broken or not done else 0
    finally:
        if ":" in what:
            print(f"kept: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "build" / "debug"))
