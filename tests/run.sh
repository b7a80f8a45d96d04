#!/bin/sh
# Everything: installs what is missing, builds, and runs unit tests, style checks and end-to-end tests, the latter against a
# real engine that the tests start for themselves.
#   sh tests/run.sh          debug build and its unit tests; sanitizers build and all tests; release build; analysers
#   sh tests/run.sh --fast   debug build, unit tests and checks, and end-to-end tests without the slow ones
# Ends with the summaries of ctest and pytest, and with 0 only if everything passed. Logs are in build/logs.
# Depends on: tests/install.sh, CMakePresets.json, tests/e2e. MDC_JOBS: how many compilers at once (default: all cores).
set -eu
cd "$(dirname "$0")/.."
jobs=${MDC_JOBS:-$(nproc)}
fast=
case ${1:-} in
--fast) fast=yes ;;
'') ;;
*)
	sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
# Samples are drawn by the commit: another one for each, and the same one again for who looks at a failure.
commit=$(git rev-parse --short=7 HEAD 2>/dev/null || echo 1)
seed=$(printf '%d' "0x$(printf '%.7s' "$commit")")
MDC_SOAK_SEED=${MDC_SOAK_SEED:-$seed}
MDC_POWERCUT_SEED=${MDC_POWERCUT_SEED:-$seed}
export MDC_SOAK_SEED MDC_POWERCUT_SEED
mkdir -p build/logs
results=build/logs/results
: >"$results"
failed=0

# step NAME COMMAND...: run it, keep its output in a log and its last lines for the end; go on after a failure.
step() {
	name=$1
	shift
	begin=$(date +%s)
	printf '\n==== %s\n' "$name"
	code=0
	"$@" >"build/logs/$name.log" 2>&1 || code=$?
	took=$(($(date +%s) - begin))
	if [ "$code" -eq 0 ]; then
		printf 'passed in %s s\n' "$took"
		printf 'passed  %s (%s s)\n' "$name" "$took" >>"$results"
	else
		failed=1
		cat "build/logs/$name.log"
		printf 'FAILED with %s after %s s\n' "$code" "$took"
		printf 'FAILED  %s (%s s)\n' "$name" "$took" >>"$results"
	fi
	return "$code"
}

build() {
	cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs"
}

unit() {
	ctest --test-dir "build/$1" --output-on-failure -j "$jobs"
}

# The system's own Python first: that is where apt put pytest.
python=
for candidate in /usr/bin/python3 python3; do
	if "$candidate" -c 'import pytest' 2>/dev/null; then
		python=$candidate
		break
	fi
done

# In parts side by side: most of the time a test waits for an engine. Each takes the next module that nobody has.
parts=3
e2e() {
	preset=$1
	shift
	rm -rf build/claims
	mkdir build/claims
	pids=
	code=0
	for part in $(seq "$parts"); do
		MDC_E2E_NAME=mdct-e2e-$part MDC_BIN=build/$preset "$python" -m pytest tests/e2e --claims "$PWD/build/claims" \
			--durations=15 -o "cache_dir=$PWD/build/pytest-$part" "$@" >"build/logs/e2e-$preset-$part.log" 2>&1 &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || code=$?
	done
	cat build/logs/e2e-"$preset"-[1-9].log
	return "$code"
}

# The core of the main job with the other engine; all of it: MDC_E2E_ENGINE=podman python3 -m pytest tests/e2e
e2e_podman() {
	MDC_E2E_NAME=mdct-e2e-podman MDC_BIN=build/$1 "$python" -m pytest tests/e2e --engine podman -m podman --durations=15
}

# The last line of a log that sums it up.
summary() {
	if [ -f "build/logs/$1.log" ]; then
		grep -E "$2" "build/logs/$1.log" | tail -n 1 | sed "s|^|$1: |"
	fi
}

rm -f build/logs/*.log
step install sh tests/install.sh || exit 1
if [ -z "$python" ]; then
	python=/usr/bin/python3
fi

if step build-debug build debug; then
	step unit-debug unit debug || true
	if [ -n "$fast" ]; then
		step e2e-debug e2e debug -m 'not slow' || true
	fi
fi
if [ -z "$fast" ]; then
	# Engines take most of an end-to-end test's time: with sanitizers it costs little more and finds more.
	if step build-sanitizers build sanitizers; then
		step unit-sanitizers ctest --test-dir build/sanitizers --output-on-failure -j "$jobs" -E '^(checks|nixos)/' || true
		step e2e-sanitizers e2e sanitizers || true
		step e2e-podman e2e_podman sanitizers || true
	fi
	if step build-release build release; then
		# That rows can be taken at all; figures of a busy machine are no verdict.
		step bench env MDC_BIN="$PWD/build/release" sh tests/bench/run.sh --quick nothing fsync consume downtime || true
	fi
	# Every fuzzer on the machine's cores: about three minutes. MDC_FUZZ_SECONDS=N for longer.
	step fuzz env MDC_JOBS="$jobs" sh tests/fuzz/run.sh || true
	step faults env MDC_BIN="$PWD/build/debug" PYTHON="$python" sh tests/faults/run.sh || true
	step powercut "$python" -B tests/faults/powercut.py build/debug || true
	step static env MDC_JOBS="$jobs" sh tests/static.sh build/debug || true
fi

printf '\n==== summary\n'
cat "$results"
for name in unit-debug unit-sanitizers; do
	summary "$name" '% tests passed'
done
summary fuzz '[0-9]+ fuzzers, .*'
summary faults '[0-9]+ points x 3 faults, .* broken'
summary powercut '[0-9]+ prefixes: .* broken'
for name in e2e-debug-1 e2e-debug-2 e2e-debug-3 e2e-sanitizers-1 e2e-sanitizers-2 e2e-sanitizers-3 e2e-podman; do
	summary "$name" '[0-9]+ (passed|failed|error|skipped).* in [0-9.]+s'
done
exit "$failed"
