#!/bin/sh
# Checks the model of a trial (trial.pml) with spin: no error as it is, and an error for each rule that is broken on purpose.
#   sh run.sh             MDC_MODEL_CRASHES: how often the agent is killed (default 2 with one project, 1 with two)
# Prints states and errors of each search. Takes about 10 s and 200 MB; each kill more costs three times as much.
# Depends on: spin, gcc. To add a rule: RULE(n) in trial.pml, its number in one of the two lists below.
set -eu
model=$(cd "$(dirname "$0")" && pwd)/trial.pml
crashes=${MDC_MODEL_CRASHES:-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# search DIR CLAIM [NAME=VALUE...]: one search; prints its figures, 0 if there is no error.
search() {
	where=$1 claim=$2
	shift 2
	(cd "$where" && env "$@" ./pan -a -m50000 -w22 -N "$claim" >"out" 2>&1) || true
	errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$where/out")
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$where/out")
	if grep -qE 'out of memory|max search depth too small|Search not completed' "$where/out" && [ "$errors" = 0 ]; then
		errors='not all searched'
	fi
	printf '%s, %s: %s states, errors: %s\n' "$claim" "$*" "${states:-0}" "${errors:-none counted}"
	[ "$errors" = 0 ]
}

# check PROJECTS KILLS VERDICTS ENDS RULES: what must hold, and what must not once a rule is broken.
check() {
	at=$dir/$1
	mkdir "$at"
	(cd "$at" && spin -a "-DP=$1" "$model" >spin 2>&1 && gcc -O0 -w -DCOLLAPSE -DMEMLIM=1500 -DVECTORSZ=2048 -o pan pan.c) || {
		cat "$at/spin"
		return 1
	}
	failed=0
	search "$at" promises "CRASHES=$2" "BAD=$3" || {
		grep -E '^pan:|error' "$at/out"
		failed=1
	}
	[ "$4" = no ] || search "$at" ends "CRASHES=$4" "BAD=1" || failed=1
	for rule in $5; do
		if search "$at" promises "BREAK=$rule" "CRASHES=$2" "BAD=$3"; then
			echo "rule $rule is broken and nothing was found" >&2
			failed=1
		fi
	done
	return "$failed"
}

command -v spin >/dev/null || {
	echo "run.sh: spin is not installed: sh tests/install.sh" >&2
	exit 1
}
check 1 "${crashes:-2}" 2 1 '3 6 7 8 9 10 11' >"$dir/one" 2>&1 &
one=$!
code=0
echo '== two projects'
check 2 "${crashes:-1}" 1 no '1 2 4 5 12 13 14 15 16 17 18' || code=1
wait "$one" || code=1
echo '== one project with volumes'
cat "$dir/one"
exit "$code"
