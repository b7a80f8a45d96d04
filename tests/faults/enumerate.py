"""
Every system call by which the agent changes something, in each of the scenarios, is a point; at each point the agent dies,
or the call fails for want of room, or with an I/O error; then it starts again, and the promises must hold.
    enumerate.py TOOLS DIRECTORY [SCENARIO]...    (run.sh makes both)
    MDC_FAULTS=all       every point (default: a sample that takes about MDC_FAULTS_SECONDS, 90)
    MDC_FAULTS_OFFSET=N  which sample (default 1); MDC_FAULTS_ONLY=scenario:10-20:EIO  some, told in full
    MDC_FAULTS_JOBS=N    how many at a time (default: all cores); MDC_BIN: where the program is
Prints "N points x 3 faults, M recovered, K promises broken" and exits 1 if K > 0. Depends on: world.py, promises.py.
"""

import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import promises
from scenarios import ALL
from world import DEGRADED, DONE, FAILED, FAULTS, LATE, World

NOT_HIT = "no such call"
TRIES = 3  # where a run ended before its point
SYNCS = 3  # at most, until nothing is open
CASE_S = 0.6  # a guess for the first sample; then it is measured
HERE = Path(__file__).resolve().parent


def look(w, s):
    shapes, volumes = w.shapes(), set(w.engine.state["volumes"])
    return {"shapes": shapes, "volumes": volumes, "foreign": w.untouched(), "history": len(w.history()),
            "versions": {p: next(iter(w.project(p).values()), None) for p in s.projects}}


class Enumeration:
    """A scenario at its beginning, and the points that a run without fault passes."""

    def __init__(self, base, tools, s):
        self.s, self.base = s, base
        self.w = World(base, Path(os.environ.get("MDC_BIN", HERE.parents[1] / "build" / "debug")).resolve(), tools)
        self.w.engine.run_foreign("foreign")
        s.begin(self.w)
        self.w.save()
        self.before = look(self.w, s)
        log = base / "points"
        self.code, self.said = self.w.run(*s.verb, log=log)
        self.points = [line.split(" ", 2)[2] for line in log.read_text().splitlines()]
        reference = self._settle()
        self.w.run("sync")
        self.before["shapes"] |= self.w.shapes()
        self.clean = reference or promises.check(self.w, s, self.before)

    def _settle(self):
        """Syncs until nothing is open; what is broken if that is never."""
        for _ in range(SYNCS):
            code, said = self.w.run("sync")
            self.said += f"then exit {code}: {said}"
            if code == DEGRADED:
                return [f"degraded: {said[-600:]}"]
            if code in (DONE, FAILED) and not self.w.open_work():
                return []
        return [f"not settled after {SYNCS} syncs: it exits {code}, open {self.w.open_work()}: {said[-600:]}"]

    def hit(self, point):
        """Which call that was in the last run; some runs have a few more or less before it."""
        lines = (self.base / "calls").read_text().splitlines()
        return lines[point - 1].split(" ", 2)[2] if point <= len(lines) else NOT_HIT

    def case(self, point, fault):
        """(what is broken, what the run with the fault and the syncs said)"""
        self.w.put_back()
        code, said = self.w.run(*self.s.verb, at=point, fault=fault, log=self.base / "calls")
        if code == LATE:
            return [f"it hangs: {said[-300:]}"], said
        try:
            self.said = f"exit {code}: {said}"
            what = "" if fault == "kill" else self.hit(point)
            return self._settle() or promises.check(self.w, self.s, self.before, what), self.said
        except Exception:  # what cannot be looked at is broken too
            return [traceback.format_exc()], said


def work(base, tools, name, part, parts, chosen):
    """In a process of its own: every parts-th of the chosen cases. One line for each case, to the parent."""
    base.mkdir()
    e = Enumeration(base, tools, ALL[name]())
    if e.clean:
        print(f"broken {name} 0 none without any fault: {e.clean} {e.said[-600:]}", flush=True)
    print(f"points {name} {len(e.points)}", flush=True)
    points = int(sys.stdin.readline())  # that all parts agree on: a run may have a few more or less than another
    cases = [(k + 1, f) for k in range(points) for f in FAULTS]
    if chosen.get("only"):
        first, last, fault = chosen["only"]
        cases = [(k, fault) for k in range(first, last + 1)]
    elif chosen["seconds"]:
        count = max(3, int(chosen["seconds"] / chosen["case_s"]))
        step = max(1, len(cases) / count)
        first = random.Random(f"{chosen['offset']} {name}").random() * step
        cases = [cases[int(first + i * step)] for i in range(count) if first + i * step < len(cases)]
    for point, fault in cases[part::parts]:
        for _ in range(TRIES):
            broken, said = e.case(point, fault)
            what = e.hit(point)
            if broken or what != NOT_HIT:
                break
        print(f"{'broken' if broken else 'good'} {name} {point} {fault} at {what}: {' | '.join(broken)!r}", flush=True)
        if chosen.get("only"):
            print(f"said {said}", flush=True)
    if chosen.get("only"):
        print("\n".join(f"{i + 1} {x}" for i, x in enumerate(e.points)), flush=True)


def first_lines(child, bad):
    """What a part found at its beginning: how many points it passed."""
    for line in child.stdout:
        kind, _, rest = line.rstrip().partition(" ")
        if kind == "points":
            return int(rest.split()[1])
        bad += [rest] if kind == "broken" else []
        print(f"  {line.rstrip()}", flush=True)
    return 0


def scenario(name, top, tools, jobs, chosen):
    """(points, how many cases were good, what was broken)"""
    good, bad = [], []
    children = [subprocess.Popen([sys.executable, "-B", __file__, "--work", str(top / f"{name}-{i}"), str(tools), name, str(i),
                                  str(jobs), repr(chosen)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                for i in range(jobs)]
    points = max([first_lines(c, bad) for c in children])

    def follow(child):
        for line in child.stdout:
            kind, _, rest = line.rstrip().partition(" ")
            if kind == "good":
                good.append(rest)
            else:
                bad.extend([rest] if kind == "broken" else [])
            if kind != "good" or rest.endswith(f"{NOT_HIT}: ''"):
                print(f"  {line.rstrip()}", flush=True)
        if child.wait() != 0:
            bad.append(f"{name}: the enumeration itself failed")
    threads = [threading.Thread(target=follow, args=(c,)) for c in children]
    for child, t in zip(children, threads):
        t.start()
        child.stdin.write(f"{points}\n")
        child.stdin.close()
    for t in threads:
        t.join()
    return points, len(good), bad


def main():
    tools, names = Path(sys.argv[1]), sys.argv[3:] or list(ALL)
    jobs = int(os.environ.get("MDC_FAULTS_JOBS", os.cpu_count() or 1))
    every = os.environ.get("MDC_FAULTS") == "all"
    offset = os.environ.get("MDC_FAULTS_OFFSET") or "1"
    chosen = {"offset": offset, "case_s": CASE_S / jobs,
              "seconds": 0 if every else float(os.environ.get("MDC_FAULTS_SECONDS", "90")) / len(names)}
    only = os.environ.get("MDC_FAULTS_ONLY")
    if only:
        name, point, fault = only.split(":")
        first, _, last = point.partition("-")
        names, jobs, chosen["only"] = [name], 1, (int(first), int(last or first), fault)
    top = Path(tempfile.mkdtemp(prefix="w-", dir=sys.argv[2]))
    print("every point" if every else f"a sample: MDC_FAULTS_OFFSET={offset}", flush=True)
    begin, total, cases, broken = time.monotonic(), 0, 0, 0
    try:
        for name in names:
            begun = time.monotonic()
            points, good, bad = scenario(name, top, tools, jobs, chosen)
            print(f"{name}: {points} points x 3 faults, {good + len(bad)} tried, {good} recovered, {len(bad)} promises broken "
                  f"({time.monotonic() - begun:.0f} s)", flush=True)
            total, cases, broken = total + points, cases + good, broken + len(bad)
            for i in range(jobs):
                if not only:
                    shutil.rmtree(top / f"{name}-{i}", ignore_errors=True)
    finally:
        if not only:
            shutil.rmtree(top, ignore_errors=True)
    print(f"{total} points x 3 faults, {cases + broken} tried, {cases} recovered, {broken} promises broken "
          f"({time.monotonic() - begin:.0f} s)")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    if sys.argv[1] == "--work":
        work(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]), int(sys.argv[6]), ast.literal_eval(sys.argv[7]))
    else:
        main()
