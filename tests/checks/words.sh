#!/bin/sh
# What must not stand in the repository: unfinished work, paths of the machine it was written on, names of hosts that
# packages come from, and references to documents that are not here.
#   sh words.sh SOURCE_DIR
# To forbid a word: a line below. Words are put together from pieces, so that this file is no hit itself.
set -eu
cd "$1"
bad=0

files() {
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files -co --exclude-standard
	else
		find . -path './build*' -prune -o -path ./.git -prune -o -type f -print | sed 's|^\./||'
	fi | grep -vE '\.(png|svg|gz)$' | while IFS= read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}
list=$(files | sort)

# look WHAT [GREP_OPTIONS...] PATTERN: every hit is a fault.
look() {
	what=$1
	shift
	# shellcheck disable=SC2086 -- a list of names without blanks
	hits=$(grep -nIE "$@" $list || true)
	[ -z "$hits" ] || {
		printf '%s\n' "$hits" | cut -c 1-160 | sed "s|\$|   <- $what|"
		bad=1
	}
}

# join A B C: A|B|C
join() {
	printf '%s' "$1"
	shift
	[ $# -eq 0 ] || printf '|%s' "$@"
}

look 'unfinished work' "(^|[^A-Za-z])($(join TO''DO FIX''ME XX''X HA''CK))([^A-Za-z]|\$)"
paths=$(join 'wo''rk/(main|shared)' 'tm''p/w(/|[^a-z]|$)' 'ho''me/[a-z]+/' 'ro''ot/[a-z]')
look 'a path of one machine' "(^|[^A-Za-z0-9_.}])/($paths)"

# Hosts that packages come from, by name and top-level domain. (docker.io is a Debian package's name and may stand.)
hosts=$(for pair in 'pypi org' 'pythonhosted org' 'npmjs (org|com)' 'crates io' 'debian org' 'ubuntu com' 'rubygems org' \
	'proxy[.]golang org' 'cache[.]nixos org' 'registry-1[.]docker io' 'auth[.]docker io'; do
	printf '%s[.]%s\n' "${pair% *}" "${pair#* }"
done | paste -sd '|' -)
look 'a host that packages come from' -i "(^|[^a-z0-9-])($hosts)([^a-z0-9-]|\$)"

look 'who or what wrote it' -i "$(join 'clau''de' 'anthro''pic' 'chat''gpt' 'copi''lot' 'open''ai' 'language mo''del' \
	'this ses''sion' 'earlier ses''sion' 'as an a''i' 'co-auth''ored' 'generated b''y')"

# A document that a comment or another document names must be here. (Tests make files of such names up.)
all=$list
list=$(printf '%s\n' "$list" | grep -v '^tests/')
# shellcheck disable=SC2086
for name in $(grep -ohIE '[A-Za-z0-9_/.-]+\.md([^a-z]|$)' $list | sed 's/\.md.*/.md/; s|.*/||' | sort -u); do
	case $name in
	.md | '*.md') continue ;;
	esac
	printf '%s\n' "$all" | grep -qE "(^|/)$name\$" && continue
	look "there is no $name here" "(^|[^A-Za-z0-9_.-])$(printf '%s' "$name" | sed 's/\./[.]/g')"
done
list=$(printf '%s\n' "$all" | grep -v '^tests/fuzz/corpus/') # their bytes are what they are about

# Files as every editor likes them: a newline at the end, no blanks at ends of lines.
look 'blanks at the end of the line' '[^ 	][ 	]+$'
for file in $list; do
	case $(tail -c 1 "$file" | od -An -c | tr -d ' ') in
	'' | '\n') ;;
	*)
		echo "$file: no newline at its end"
		bad=1
		;;
	esac
done
exit "$bad"
