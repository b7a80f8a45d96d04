"""How things are measured: instructions, processor time, fsync calls, memory. Each takes a command or a process."""

import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path


def median(values):
    return statistics.median(values)


def run(argv, env=None, cwd="/", stdin=None, ok=(0,), timeout=3600):
    """Run to the end; (exit code, output)."""
    r = subprocess.run([str(a) for a in argv], env=env, cwd=cwd, input=stdin, capture_output=True, text=True,
                       timeout=timeout, check=False)
    if ok is not None and r.returncode not in ok:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit {r.returncode}\n{r.stdout[-2000:]}{r.stderr[-2000:]}")
    return r.returncode, r.stdout


class Callgrind:
    """Instructions of a command and all processes it makes. `only`: count programs whose path ends so, others run too."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="mdc-callgrind-")

    def argv(self, argv):
        return ["valgrind", "-q", "--tool=callgrind", "--trace-children=yes",
                f"--callgrind-out-file={self.dir.name}/out.%p", *[str(a) for a in argv]]

    def total(self, only=None):
        """Sum over all processes so far, and forget them."""
        count = 0
        for p in Path(self.dir.name).glob("out.*"):
            text = p.read_text(errors="replace")
            command = re.search(r"^cmd: (\S+)", text, re.M)
            if only and (not command or not command.group(1).endswith(only)):
                p.unlink()
                continue
            count += sum(int(m) for m in re.findall(r"^(?:summary|totals): (\d+)", text, re.M)[:1])
            p.unlink()
        return count


def instructions(argv, env=None, stdin=None, ok=(0,)):
    c = Callgrind()
    run(c.argv(argv), env=env, stdin=stdin, ok=ok)
    return c.total()


def own_instructions(argv, env=None):
    """Of the command's own process. A reader's count holds its parent's up to the fork, and is written or, where the reader
    is ended once its answer is there, not."""
    c = Callgrind()
    p = subprocess.Popen(c.argv(argv), env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    if p.wait(timeout=3600) != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit {p.returncode}")
    for other in Path(c.dir.name).glob("out.*"):
        if other.name != f"out.{p.pid}":
            other.unlink()
    return c.total()


def timed(argv, env=None, ok=(0,)):
    """(wall seconds, processor seconds with all children) of a command."""
    begin = time.monotonic()
    p = subprocess.Popen([str(a) for a in argv], env=env, cwd="/", stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if ok is not None and p.returncode not in ok:
        raise RuntimeError(f"{' '.join(map(str, argv))}: exit {p.returncode}")
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime


def fsyncs(argv, env=None, ok=(0,)):
    """Calls that wait for the disk, of a command and all its processes (Compose's too, which makes none)."""
    with tempfile.NamedTemporaryFile(prefix="mdc-strace-") as f:
        run(["strace", "-f", "-qq", "-o", f.name, "-e", "trace=fsync,fdatasync,syncfs,sync,sync_file_range,msync",
             *argv], env=env, ok=ok)
        lines = [line for line in Path(f.name).read_text(errors="replace").splitlines()
                 if re.search(r"\b(fsync|fdatasync|syncfs|sync|sync_file_range|msync)\(", line)]
        return len(lines)


def pss_kb(pid):
    """Private memory plus our share of what is shared."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss in smaps_rollup")


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(c) for c in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid):
    """Processor time of a process and of its children that have ended."""
    own = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def tree_kb(path):
    """Size of the files below a directory."""
    return sum(p.lstat().st_size for p in Path(path).rglob("*") if p.is_file()) / 1024
