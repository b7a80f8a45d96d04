#!/bin/sh
# C sources are as .clang-format says. Only clang-format 14 is asked: other versions differ in details.
#   sh format.sh SOURCE_DIR          to mend: clang-format -i FILE
set -eu
cd "$1"
program=
for name in clang-format-14 clang-format; do
	if "$name" --version 2>/dev/null | grep -q 'version 14\.'; then
		program=$name
		break
	fi
done
[ -n "$program" ] || {
	echo "format.sh: no clang-format 14 here: not checked"
	exit 0
}
# One line a file is enough to know what to do.
find common agent tests -name '*.[ch]' | sort | xargs -P 2 -n 20 "$program" --dry-run -Werror --ferror-limit=1 2>&1 |
	grep 'error:' | sed 's/^\([^:]*:[0-9]*\):.*/\1: not as .clang-format says/' | sort -u | {
	bad=0
	while IFS= read -r line; do
		echo "$line"
		bad=1
	done
	exit "$bad"
}
