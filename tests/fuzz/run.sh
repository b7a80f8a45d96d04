#!/bin/sh
# Builds the fuzzers (preset "fuzz", clang) and runs each for a while, from the corpus in the repository and what earlier
# runs on this machine found. Prints a line for each; ends with 0 only if none found anything.
#   sh tests/fuzz/run.sh [--seconds N] [--jobs N] [--build DIR] [--keep] [--lines] [TARGET...]
# --seconds: for each target, default $MDC_FUZZ_SECONDS, or 20 for what comes from outside (OUTSIDE) and 8 for the rest.
# --keep: merge what is new into the corpus of the repository (inputs that reach new code only, at most 4 KiB each).
# --lines: run nothing new; which lines of agent/ and common/ the inputs so far reach, by a build of its own in DIR-lines.
# What a fuzzer found stays in DIR/findings: run DIR/tests/fuzz/fuzz-X FILE to see it again.
# Depends on: clang-14 with libclang-rt-14-dev, llvm-14 (--lines only), CMakePresets.json.
set -eu
cd "$(dirname "$0")/../.."
OUTSIDE="agent_yaml manifest compose state generation engine webhook lines fetch knownhosts"
seconds=${MDC_FUZZ_SECONDS:-}
jobs=${MDC_JOBS:-$(nproc)}
build=build/fuzz
keep=
lines=
names=
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	--jobs) jobs=$2 && shift ;;
	--build) build=$2 && shift ;;
	--keep) keep=yes ;;
	--lines) lines=yes ;;
	-*)
		sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	*) names="$names $1" ;;
	esac
	shift
done
# What was freed is kept for a while, to notice its use: 16 MB of it, or it would count as the growth of what is tested.
export UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=quarantine_size_mb=16

# make DIR [SETTING...]: the fuzzers, there.
make() {
	where=$1
	shift
	cmake --preset fuzz -B "$where" "$@" >/dev/null
	cmake --build "$where" -j "$jobs" --target fuzzers >"$where/build.log" 2>&1 || {
		cat "$where/build.log"
		exit 1
	}
}

MDC_FUZZ_TMP=$(mktemp -d /dev/shm/mdc-fuzz.XXXXXX)
export MDC_FUZZ_TMP
trap 'rm -rf "$MDC_FUZZ_TMP"' EXIT
trap 'exit 130' INT TERM

if [ -z "$names" ]; then
	names=$OUTSIDE
	for file in tests/fuzz/targets/*.c; do
		name=$(basename "$file" .c)
		case " $OUTSIDE " in
		*" $name "*) ;;
		*) names="$names $name" ;;
		esac
	done
fi

# reached NAME DATA PROGRAM [PROGRAM...]: lines that the data says were run, and lines there are.
reached() {
	name=$1 data=$2 first=$3
	shift 3
	objects=
	for program; do
		objects="$objects -object $program"
	done
	# shellcheck disable=SC2086
	llvm-cov-14 export -summary-only -instr-profile "$data" "$first" $objects -ignore-filename-regex '/tests/' |
		python3 -c '
import json, sys
n = json.load(sys.stdin)["data"][0]["totals"]["lines"]
print("%-12s %6d of %d lines (%.1f %%)" % (sys.argv[1], n["covered"], n["count"], n["percent"]))' "$name"
}

if [ -n "$lines" ]; then
	there=$build-lines
	make "$there" "-DCMAKE_C_FLAGS=-fprofile-instr-generate -fcoverage-mapping"
	programs=
	for name in $names; do
		program=$there/tests/fuzz/fuzz-$name
		mkdir -p "$build/found/$name"
		LLVM_PROFILE_FILE=$there/$name.raw "$program" -runs=0 "$build/found/$name" "tests/fuzz/corpus/$name" \
			>"$there/$name.log" 2>&1
		llvm-profdata-14 merge -o "$there/$name.data" "$there/$name.raw"
		reached "$name" "$there/$name.data" "$program"
		programs="$programs $program"
	done
	llvm-profdata-14 merge -o "$there/all.data" "$there"/*.raw
	# shellcheck disable=SC2086
	reached all "$there/all.data" $programs
	exit 0
fi
make "$build"
mkdir -p "$build/findings" "$build/results"

# How long a target runs.
time_of() {
	case " $OUTSIDE " in
	*" $1 "*) echo "${seconds:-20}" ;;
	*) echo "${seconds:-8}" ;;
	esac
}

# How long an input may be: enough for every branch, short enough for many runs.
max_len() {
	case $1 in
	fetch | objects | model | store) echo 8192 ;;
	gitwire | gitls) echo 70000 ;;
	lines | text | sshkey) echo 1024 ;;
	*) echo 4096 ;;
	esac
}

# one TARGET: run it, and keep its line.
one() {
	found=$build/found/$1
	log=$build/results/$1.log
	mkdir -p "$found"
	set -- "$1" "-max_len=$(max_len "$1")"
	[ ! -f "tests/fuzz/dict/$1.dict" ] || set -- "$@" "-dict=tests/fuzz/dict/$1.dict"
	name=$1
	shift
	code=0
	# Address space and leaks of libraries that start once: none is known, so none is left out.
	"$build/tests/fuzz/fuzz-$name" -max_total_time="$(time_of "$name")" -timeout=5 -rss_limit_mb=256 -malloc_limit_mb=128 \
		-print_final_stats=1 -artifact_prefix="$build/findings/$name-" "$@" "$found" "tests/fuzz/corpus/$name" \
		>"$log" 2>&1 || code=$?
	edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	all=$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log" | tail -n 1)
	features=$(sed -n 's/.* ft: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	execs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
	peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
	printf '%-12s %9s runs %6s of %s edges %6s features %4s MB  %s\n' "$name" "${execs:-?}" "${edges:-?}" "${all:-?}" "${features:-?}" \
		"${peak:-?}" "$([ "$code" -eq 0 ] && echo 'no finding' || echo "FOUND SOMETHING ($code): $log")" |
		tee "$build/results/$name.line"
	if [ "$code" -ne 0 ]; then
		grep -m 3 -E 'ERROR|SUMMARY|runtime error' "$log" || tail -n 5 "$log"
		: >"$build/results/failed"
	elif [ -n "$keep" ]; then
		"$build/tests/fuzz/fuzz-$name" -merge=1 -max_len=4096 "tests/fuzz/corpus/$name" "$found" >>"$log" 2>&1
	fi
}

rm -f "$build/results/failed"
running=0
for name in $names; do
	one "$name" &
	running=$((running + 1))
	if [ "$running" -ge "$jobs" ]; then
		wait
		running=0
	fi
done
wait
if [ -e "$build/results/failed" ]; then
	echo "fuzzers found something"
	exit 1
fi
echo "$(echo "$names" | wc -w) fuzzers, ${seconds:-20 or 8} s each: no finding"
