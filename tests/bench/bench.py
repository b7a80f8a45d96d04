"""
Every row of the table of speed and memory: prints measure, target, figure, raw figures, and ok or over.
    tests/bench/run.sh [--quick] [--list] [ROW...]
To add a row: a function row_NAME(world) that yields what it found, and a line in ROWS.
"""

import os
import sys
import time
import traceback

import world as world_module
from rows_daemon import row_memory
from rows_deliver import row_deliver
from rows_deploy import row_parallel, row_push, row_state
from rows_downtime import row_downtime, row_pause
from rows_poll import row_cpu_day, row_poll
from rows_snapshot import row_consume, row_copy, row_snapshot
from rows_sync import row_fsync, row_nothing, row_push_cpu, row_repo_size

ROWS = {
    "poll": row_poll, "nothing": row_nothing, "push-cpu": row_push_cpu, "push": row_push, "parallel": row_parallel,
    "memory": row_memory, "cpu-day": row_cpu_day, "fsync": row_fsync, "state": row_state, "repo-size": row_repo_size,
    "deliver": row_deliver, "downtime": row_downtime, "pause": row_pause,
    "snapshot": row_snapshot, "consume": row_consume, "copy": row_copy,
}
HEADS = ("measure", "target", "figure", "", "raw figures")


def show(value):
    return str(value) if isinstance(value, int) else f"{value:.3g}" if value < 0.1 else f"{value:.2f}"


def line_of(r):
    return (r.measure, "<= " + show(r.target), show(r.figure), "ok" if r.figure <= r.target else "over", r.raw)


def table(lines):
    widths = [max(len(row[i]) for row in [HEADS, *lines]) for i in range(len(HEADS) - 1)]
    for row in [HEADS, *lines]:
        print("  ".join([row[i].ljust(w) for i, w in enumerate(widths)] + [row[-1]]))


def main(argv):
    quick = "--quick" in argv
    names = [a for a in argv if not a.startswith("--")]
    unknown = [n for n in names if n not in ROWS]
    if "--list" in argv or unknown:
        for n, f in ROWS.items():
            print(f"{n:10} {f.__doc__}")
        return 2 if unknown else 0
    if os.geteuid() != 0:
        print("bench: needs root: it starts an engine", file=sys.stderr)
        return 2
    lines = []
    with world_module.World(quick) as w:
        for n in names or ROWS:
            begin = time.monotonic()
            print(f"==> {n}: {ROWS[n].__doc__}", file=sys.stderr, flush=True)
            try:
                for r in ROWS[n](w):
                    lines.append(line_of(r))
                    print("    " + "  ".join(lines[-1]), file=sys.stderr, flush=True)
            except Exception as e:  # pylint: disable=broad-except; one row that cannot be taken does not stop the others
                traceback.print_exc()
                lines.append((n, "", "", "none", f"could not be measured: {str(e).splitlines()[0][:120]}"))
            print(f"    ({time.monotonic() - begin:.0f} s)", file=sys.stderr, flush=True)
    load = os.getloadavg()
    print(f"\n{world_module.BIN.name} build, {os.cpu_count()} cores, load {load[0]:.1f}"
          f"{', quick: fewer rounds and smaller repositories' if quick else ''}\n")
    table(lines)
    return 1 if any(row[3] == "none" for row in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
