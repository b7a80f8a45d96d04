#!/bin/sh
# Python packages that only the end-to-end tests use: libraries of others that judge what is sent to receivers. They
# come from the index that pip on this machine is set up for, and go into build/python, not into the system.
#   sh tests/install-python.sh
# Quick when they are there. To add one: a line in `want`. Depends on: python3-pip.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
target=$here/build/python
want='standardwebhooks==1.1.0
cloudevents==2.2.0'

[ "$(cat "$target/.installed" 2>/dev/null || true)" = "$want" ] && exit 0
rm -rf "$target"
mkdir -p "$target"
# The system's own Python runs the tests.
# shellcheck disable=SC2086 # a list of words
PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore /usr/bin/python3 -m pip install -q --no-input \
	--target "$target" $want
printf '%s\n' "$want" >"$target/.installed"
