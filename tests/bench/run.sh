#!/bin/sh
# The measurements of speed and memory, each as a ratio or figure with the raw figures it is made of.
#   sh tests/bench/run.sh [--quick] [ROW...]      --list: the rows
# Needs root (it starts an engine of its own), a build (MDC_BIN, default build/release, else build/debug), and what
# tests/install.sh installs. Prints a table; a figure over its target is no failure (the machine may be busy), a row that
# could not be measured is. Takes about half an hour; --quick takes fewer rounds and smaller repositories, and its figures
# are only a hint.
# Depends on: tests/e2e (engine, git servers), valgrind, strace.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${MDC_BIN:-}" ]; then
	for dir in "$here/../../build/release" "$here/../../build/debug"; do
		if [ -x "$dir/mdc-agent" ]; then
			MDC_BIN=$dir
			break
		fi
	done
fi
[ -n "${MDC_BIN:-}" ] || {
	echo "run.sh: nothing is built: cmake --preset release && cmake --build --preset release" >&2
	exit 2
}
export MDC_BIN PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/bench.py" "$@"
