#!/bin/sh
# Kills the agent, fills the disk and breaks it at each system call by which a deployment changes something; see
# enumerate.py. Needs root (a tmpfs of its own, so that nothing waits for a disk) and x86-64.
#   sh tests/faults/run.sh [SCENARIO]...         a sample, about 90 s
#   MDC_FAULTS=all sh tests/faults/run.sh        every point
# MDC_BIN: where the program is (default build/debug). Depends on: cc, git, python3, unshare.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${MDC_FAULTS_DIR:-/var/tmp}/mdct-faults.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
${CC:-cc} -O2 -Wall -Wextra -o "$dir/nth_call" "$here/nth_call.c"
${CC:-cc} -O2 -Wall -Wextra -o "$dir/docker-compose" "$here/../tools/fake_compose.c"
mkdir "$dir/run"
# shellcheck disable=SC2016
unshare -m --propagation private sh -c 'mount -t tmpfs -o mode=0755,size=1g mdct "$2/run" && exec "$1" -B "$3/enumerate.py" "$2" "$2/run" $4' \
	sh "${PYTHON:-python3}" "$dir" "$here" "$*"
