#!/bin/sh
# docs/reliability.md: the cases are numbered 1 to 100 without a gap, each names a test or says "none" with a reason, and
# each test that is named is there (file and function; a test's parameters stand behind it and are not checked).
#   sh reliability.sh SOURCE_DIR
# To add a case: a row, and the 100 below.
set -eu
cd "$1"
page=docs/reliability.md
bad=0

fault() {
	echo "$page: $*"
	bad=1
}

rows=$(grep -E '^\| [0-9]+ \|' "$page")
numbers=$(printf '%s\n' "$rows" | cut -d '|' -f 2 | tr -d ' ')
[ "$numbers" = "$(seq 100)" ] || fault "the cases are not numbered 1 to 100, each once and in order"
printf '%s\n' "$rows" | grep -vE '::|\| none: .{20,} \|$' | sed 's|^|names no test and gives no reason: |' | grep . && bad=1

for test in $(grep -oE '`[a-z_]+(\.py|_test\.c)::[a-z_0-9]+`' "$page" | tr -d '`' | sort -u); do
	file=${test%%::*} name=${test##*::}
	case $file in
	*.py) path=tests/e2e/$file pattern="^def $name\\(" ;;
	*) path=tests/unit/$file pattern="^static void $name\\(" ;;
	esac
	if [ ! -f "$path" ]; then
		fault "there is no $path"
	elif ! grep -qE "$pattern" "$path"; then
		fault "there is no $name in $path"
	fi
done
# What looks like a test and was not read as one is a misspelt one.
grep -oE '`[^`]*::[^`]*`' "$page" | grep -vE '^`(file::test|[a-z_]+(\.py|_test\.c)::[a-z_0-9]+)`$' && bad=1
exit "$bad"
