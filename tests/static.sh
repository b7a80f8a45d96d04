#!/bin/sh
# Reads every C file of the programs with three analysers: cppcheck, clang-tidy (.clang-tidy) and gcc -fanalyzer.
#   sh tests/static.sh [BUILD_DIR]     default: build/debug, which must be configured (its compile_commands.json is read)
#   ... --only cppcheck|tidy|gcc       one of them
# Exceptions stand beside the code they concern, each with its reason: NOLINT(name), cppcheck-suppress name, or a pragma.
# Some minutes on two cores. MDC_JOBS: how many at once.
set -eu
cd "$(dirname "$0")/.."
build=build/debug only=
while [ $# -gt 0 ]; do
	case $1 in
	--only)
		only=$2
		shift
		;;
	*) build=$1 ;;
	esac
	shift
done
jobs=${MDC_JOBS:-$(nproc)}
database=$build/compile_commands.json
[ -f "$database" ] || {
	echo "static.sh: no $database: cmake --preset debug" >&2
	exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
sources=$(find common agent -name '*.c' | sort)

# run NAME COMMAND...: findings on standard output are faults
run() {
	name=$1
	shift
	[ -z "$only" ] || [ "$only" = "$name" ] || return 0
	begin=$(date +%s)
	code=0
	"$@" >"$work/$name" 2>&1 || code=$?
	if [ "$code" -ne 0 ]; then
		failed=1
		cat "$work/$name"
	fi
	echo "static.sh: $name: $([ "$code" -eq 0 ] && echo clean || echo FINDINGS) ($(($(date +%s) - begin)) s)"
}

# Left out: leaks, because cppcheck does not know the cleanup attribute (gcc and the sanitizers do), and readdir(),
# which is safe on a stream of one's own; accept4() may get NULL; a NULL error that only goes with success is taken for one
# that is used. A macro of a library it does not read is given here.
check_cppcheck() {
	mkdir -p "$work/cppcheck"
	echo '#define cJSON_ArrayForEach(i, a) for (i = (a)->child; i; i = i->next)' >"$work/macros.h"
	# shellcheck disable=SC2086
	cppcheck -q -j "$jobs" --std=c11 --language=c --platform=unix64 --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 --library=gnu --library=posix -I . -I "$build/generated" \
		-D_GNU_SOURCE=1 -DMDC_FAULTS=1 '-DMDC_VERSION="0"' '-DMDC_SYSCONFDIR="/etc"' '-DMDC_DATADIR="/usr"' \
		'-DMDC_LIBEXECDIR="/usr"' '-DMDC_BINDIR="/usr"' '-DMDC_LOCALSTATEDIR="/var"' \
		--include="$work/macros.h" \
		--suppress=resourceLeak --suppress=memleak --suppress=readdirCalled \
		--suppress=ctunullpointer --suppress=nullPointer:agent/daemon/control_socket.c \
		--suppress=missingIncludeSystem --suppress=missingInclude --suppress=unmatchedSuppression \
		--suppress=normalCheckLevelMaxBranches --suppress=checkersReport \
		--cppcheck-build-dir="$work/cppcheck" $sources
}

check_tidy() {
	# shellcheck disable=SC2086
	printf '%s\n' $sources | xargs -P "$jobs" -n 8 clang-tidy --quiet -p "$build" \
		--extra-arg=-Wno-unknown-warning-option 2>/dev/null
}

# gcc's analyser with the very flags of the build.
check_gcc() {
	python3 -c '
import json, shlex, sys
for c in json.load(open(sys.argv[1])):
    name = c["file"]
    if "/tests/" in name or not name.endswith(".c"):
        continue
    words = shlex.split(c["command"])
    at = words.index("-o")
    del words[at:at + 2]
    words = [w for w in words if w != "-c" and not w.startswith(("-fsanitize", "-O"))]
    line = ["gcc", *words[1:], "-O1", "-fanalyzer", "-c", "-o", "/dev/null"]
    print("cd " + shlex.quote(c["directory"]) + " && " + " ".join(map(shlex.quote, line)), end="\0")
' "$database" | xargs -0 -P "$jobs" -n 1 sh -c
}

run cppcheck check_cppcheck
run tidy check_tidy
run gcc check_gcc
exit "$failed"
