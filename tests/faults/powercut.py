"""
Power cuts: a run is recorded, and after each prefix of what it did to the disk the state directory is made as a cut there may
leave it, in each form of disk.py; then the agent syncs, and the promises are looked for.
    python3 powercut.py PROGRAMS            a sample (MDC_POWERCUT_SECONDS, default 60; MDC_POWERCUT_SEED)
    MDC_POWERCUT=all                        every state, and second cuts in the recovery from some of them
    MDC_POWERCUT=SCENARIO                   the same of one scenario
    MDC_POWERCUT=SCENARIO:PREFIX:FORM       one state; its directory is kept. A second cut: ...+PREFIX:FORM
    MDC_POWERCUT_JOBS=N                     scenarios at a time (default: twice the cores; much of the time is waited)
The engine is put back to what it was at the last call that ended before the cut: containers survive the power cut. Prints
"N states, M tried, M recovered, K promises broken" and exits 1 if K > 0.
Depends on: disk.py, world.py, scenarios.py, promises.py, tests/tools; strace, git, a C compiler.
"""

import copy
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import promises
import scenarios
from disk import FORMS, STRACE, Disk, calls, write_tree
from scenarios import Success
from world import DONE, FAILED, PROJECT, World, files

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from gitservers import HttpsServer  # noqa: E402

HERE = Path(__file__).resolve().parent
FIGURES = "figures: "
FIRSTS = 25  # of each scenario: first cuts with second ones
SECONDS_OF_EACH = 8
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


class Fetched:
    """The same with a source over http: packs are written into the state directory."""

    def begin(self, w):
        self.server = HttpsServer(w.root, tls=False)
        w.config.write_text(json.dumps({**json.loads(w.config.read_text()),
                                        "source": {"url": self.server.url("config.git", "127.0.0.1")}}))
        super().begin(w)


class AddFetched(Fetched, Add):
    name = "add-fetch"


class ChangeFetched(Fetched, Change):
    name = "change-fetch"


ALL = [AddFetched(), ChangeFetched(), Add(), Change(), scenarios.Undo(), Remove(), Rollback(), Resume(), scenarios.Atomic(), scenarios.AtomicUndo()]


class Place(World):
    """A world whose verbs run without the enumeration's tracer, and whose engine writes down when it changed."""

    def __init__(self, base, programs, tools):
        super().__init__(base, programs, tools)
        self.changes, inner = [], self.engine.answer

        def answer(*request):
            try:
                return inner(*request)
            finally:
                now = {"state": self.engine.state, "ups": self.engine.ups}
                if not self.changes or self.changes[-1][1] != now:
                    self.changes.append((time.time(), copy.deepcopy(now)))
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
    """One state: the disk and the engine after a prefix of a run; `first`: of a run that was itself a recovery from a cut."""

    def __init__(self, run, prefix, form, tree, engine, last, first=None):
        self.run, self.prefix, self.form, self.tree, self.engine, self.last = run, prefix, form, tree, engine, last
        self.first = first

    def __str__(self):
        at = f"{self.prefix}:{self.form}"
        return f"{self.first}+{at}" if self.first else f"{self.run.s.name}:{at}"

    def put(self):
        w = self.run.w
        write_tree(self.tree, str(w.state))
        shutil.rmtree(w.root / "run", ignore_errors=True)
        w.engine.put_back(self.engine["state"])
        w.engine.ups = copy.deepcopy(self.engine["ups"])


class Run:
    """A scenario, recorded."""

    def __init__(self, s, base, programs, tools):
        self.s, self.w, self.traces = s, Place(base / s.name, programs, tools), base / f"{s.name}.trace"
        w = self.w
        s.begin(w)
        self.before = {"volumes": [], "versions": {p: next(iter(w.project(p).values()), None) for p in s.projects},
                       "history": len(w.history()), "foreign": w.untouched()}
        w.engine.put_back(w.engine.save())
        # Half a pack goes with the next fetch over a network. What a clean end leaves; a run that ended before it began may
        # leave what was there before.
        half = {f"state/repo.git/objects/pack/pack_gitN_H{x}" for x in ("", "idx.lock")}
        was = {re.sub(r"\d+", "N", re.sub(r"[0-9a-f]{8,}", "H", f"state/{p}")) for p in Disk(w.state).tree("all") if p}
        self.prefixes, self.cuts = self._recorded(s.verb)
        self.before["shapes"] = w.shapes() | half | was

    def _recorded(self, verb, first=None):
        """Run it from here; how many prefixes that has, and the different states after them."""
        w, disk, first_pass = self.w, Disk(self.w.state), Disk(self.w.state)
        w.changes[:] = [(0, {"state": w.engine.save(), "ups": copy.deepcopy(w.engine.ups)})]
        w.run(*verb, trace=self.traces)
        for _, *call in calls(self.traces):
            first_pass.play(*call)
        disk.mapped = first_pass.read_mapped()
        found, seen, at, prefixes = [], set(), 0, 0

        def here(last):
            nonlocal prefixes
            for form in FORMS:
                tree = disk.tree(form)
                key = (at, frozenset(tree.items()))
                if key not in seen:
                    seen.add(key)
                    found.append(Cut(self, prefixes, form, tree, w.changes[at][1], last, first))
            prefixes += 1
        here("the beginning")
        for when, name, raw, result, opened in calls(self.traces):
            while at + 1 < len(w.changes) and w.changes[at + 1][0] <= when:
                at += 1
                here("a change in the engine")
            if disk.play(name, raw, result, opened):
                here(f"{name}({raw[:160].decode(errors='replace')})".replace(str(w.state), "STATE"))
        self._end_as_modelled(disk)
        return prefixes, found

    def again(self, cut):
        """The states after a second cut, in the sync that recovers from a first one."""
        cut.put()
        return self._recorded(("sync",), cut)[1]

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
    w, s = cut.run.w, copy.copy(cut.run.s)
    cut.put()
    code, said = w.run("sync")
    broken = []
    if cut.first and "died twice while deploying this content" in said:  # it is held back; what was there before is right
        s.ends = {*s.ends, *cut.run.before["versions"].values()}
    if code not in (DONE, FAILED) or CRASH.search(said):
        broken.append(f"sync exits {code}: {said[-500:]}")
    if REPAIR.search(said):
        broken.append(f"damaged: {REPAIR.search(said)[0]}: {said[-500:]}")
    try:
        broken += promises.check(w, s, cut.run.before)
        broken += unlike_the_source(w, s)
    except (OSError, ValueError, KeyError) as e:
        broken.append(f"cannot be checked: {type(e).__name__} {e}")
    broken += damaged_git(w)
    return [*broken, f"(the sync exited {code} and said: {said[-700:].strip()})"] if broken else []


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


def judge(cut, count):
    """Try it; what is only left over harms nobody, and goes with the daily clean-up once it is old."""
    found = tried(cut)
    faults = [f for f in found if not f.startswith(("left over", "("))]
    for f in (f for f in {*found} if f.startswith("left over")):
        count["left"][f] = count["left"].get(f, 0) + 1
    count["tried"] += 1
    count["broken"] += bool(faults)
    for fault in found if faults else ():
        print(f"{cut} after {cut.last}\n    {fault}", flush=True)


def second_cuts(r, r_random, firsts, count, until):
    """Cuts in the recovery from a cut: some of some."""
    for first in r_random.sample(r.cuts, min(firsts, len(r.cuts))):
        try:
            cuts = r.again(first)
        except KeyError as e:  # of the trace's names: the recovery removed and made the same one anew
            raise RuntimeError(f"the recovery from {first} cannot be played: {e!r}") from e
        for cut in r_random.sample(cuts, min(SECONDS_OF_EACH, len(cuts))):
            if until and time.monotonic() > until:
                return
            count["second"] += 1
            judge(cut, count)


def one(name, base, programs, seconds, seed):
    """In a process of its own: a scenario. The last line is what it came to."""
    what = os.environ.get("MDC_POWERCUT", "")
    r = Run(next(s for s in ALL if s.name == name), base, programs, base / "tools")
    count = {"name": name, "prefixes": r.prefixes, "states": len(r.cuts), "tried": 0, "second": 0, "broken": 0, "left": {}}
    r_random = random.Random(f"{seed} {name}")
    if ":" in what:
        first, _, second = what.partition("+")
        found = [c for c in r.cuts if str(c) == first]
        if found and second:
            found = [c for c in r.again(found[0]) if str(c) == what]
        if not found:
            sys.exit(f"there is no state {what} in this run: {r.prefixes} prefixes, and states that equal another are left out")
        judge(found[0], count)
    else:
        begin, cuts = time.monotonic(), list(r.cuts)
        r_random.shuffle(cuts)
        for cut in cuts:
            if seconds and time.monotonic() - begin > seconds * 0.75:
                break
            judge(cut, count)
        second_cuts(r, r_random, 3 if seconds else FIRSTS, count, seconds and begin + seconds)
    print(FIGURES + json.dumps(count), flush=True)


def follow(argv, children):
    """One scenario's process; its figures."""
    count = {"name": argv[-1], "prefixes": 0, "states": 0, "tried": 0, "second": 0, "broken": 0, "left": {}}
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as child:
        children.append(child)
        for line in child.stdout:
            if line.startswith(FIGURES):
                count = json.loads(line[len(FIGURES):])
            else:
                print(line, end="", flush=True)
    if child.returncode or not count["tried"]:
        print(f"{argv[-1]}: the replay itself failed", flush=True)
        count["broken"] += 1
    for f, n in sorted(count["left"].items(), key=lambda x: -x[1])[:3]:
        print(f"  harmless, after {n} cuts {f}")
    print("{name}: {prefixes} prefixes, {states} different states; {tried} tried ({second} of them second cuts), {broken} broken".format(
        **count), flush=True)
    return count


def main(programs):
    what = os.environ.get("MDC_POWERCUT", "")
    only = "" if what == "all" else what.partition(":")[0]
    names = [s.name for s in ALL if only in ("", s.name)]
    jobs = int(os.environ.get("MDC_POWERCUT_JOBS") or 2 * (os.cpu_count() or 1))
    seed = os.environ.get("MDC_POWERCUT_SEED") or str(random.randrange(1 << 30))
    all_s = 0 if what else float(os.environ.get("MDC_POWERCUT_SECONDS", "60"))
    print(f"seed {seed}" + (f", a sample of about {all_s:g} s; MDC_POWERCUT=all for every state" if all_s else ""), flush=True)
    begin = time.monotonic()
    base = Path(tempfile.mkdtemp(prefix="mdct-powercut-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)).resolve()
    children = []

    def end(*_):
        for child in children:
            child.kill()
        sys.exit(143)
    signal.signal(signal.SIGTERM, end)
    try:
        (base / "tools").mkdir()
        subprocess.run(["cc", "-O1", "-o", str(base / "tools" / "docker-compose"), str(HERE.parent / "tools" / "fake_compose.c")],
                       check=True)
        each_s = all_s * min(jobs, len(names)) / len(names)
        one_of = [sys.executable, "-B", __file__, "--one", str(base), str(Path(programs).resolve()), str(each_s), seed]
        with ThreadPoolExecutor(jobs) as pool:
            found = list(pool.map(lambda name: follow([*one_of, name], children), names))
        total = {k: sum(c[k] for c in found) for k in ("prefixes", "states", "tried", "second", "broken")}
        total["recovered"] = max(0, total["tried"] - total["broken"])
        print("{prefixes} prefixes: {states} states, {tried} tried ({second} of them second cuts), {recovered} recovered, "
              "{broken} promises broken ({took:.0f} s)".format(**total, took=time.monotonic() - begin))
        return 1 if total["broken"] or not total["tried"] else 0
    finally:
        if ":" in what:
            print(f"kept: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[6], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
        sys.exit(0)
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "build" / "debug"))
