#!/bin/sh
# Calls and forms that this code does without, and what stands in their place. Text literals and comments do not count.
#   sh banned.sh SOURCE_DIR
# To ban a call: a word in the list.
set -eu
cd "$1"
bad=0

# Calls, and after two blanks what to use instead.
calls='
system popen  common/proc
strcpy strcat sprintf vsprintf  common/str or snprintf
strtok  strcspn and strspn
atoi atol atoll atof  strtoll, and look at where it ended
gets  common/file
sleep usleep nanosleep  clock_pause_ms() in a loop that has a deadline
tmpnam tempnam mktemp  mkdtemp or file_replace()
alloca  common/mem
malloc calloc realloc strdup strndup asprintf  common/mem
'

# File and call that may stay: common/mem is where memory comes from; libssh2 frees a signature with free().
stays='
common/mem.c malloc calloc realloc strdup strndup asprintf
common/gitssh_session.c malloc
'

find common agent -name '*.[ch]' | sort | CALLS=$calls STAYS=$stays xargs awk '
	function wrong(text) {
		print FILENAME ":" FNR ": " text
		bad = 1
	}
	# The line without comments and without what stands in literals; comment and quote go on from line to line.
	function code(line,    out, i, c, two, n) {
		out = ""
		n = length(line)
		for (i = 1; i <= n; i++) {
			c = substr(line, i, 1)
			two = substr(line, i, 2)
			if (comment) {
				if (two == "*/") {
					comment = 0
					i++
				}
			} else if (quote != "") {
				if (c == "\\")
					i++
				else if (c == quote)
					quote = ""
			} else if (two == "/*") {
				comment = 1
				i++
			} else if (two == "//") {
				wrong("// comment: write /* */")
				break
			} else if (c == "\"" || c == "\047") {
				quote = c
			} else {
				out = out c
			}
		}
		if (line !~ /\\$/)
			quote = ""
		return out
	}
	function look_for_calls(line,    rest, name) {
		rest = line
		while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
			name = substr(rest, RSTART, RLENGTH)
			sub(/[ \t]*\($/, "", name)
			# A member of a struct may be called so.
			if (name in instead && !((FILENAME, name) in stays) && substr(rest, RSTART - 1, 1) !~ /[.>]/)
				wrong(name "(): use " instead[name])
			rest = substr(rest, RSTART + RLENGTH)
		}
	}
	BEGIN {
		rows = split(ENVIRON["CALLS"], row, "\n")
		for (i = 1; i <= rows; i++) {
			at = index(row[i], "  ")
			n = split(substr(row[i], 1, at), word, " ")
			for (k = 1; k <= n; k++)
				instead[word[k]] = substr(row[i], at + 2)
		}
		rows = split(ENVIRON["STAYS"], row, "\n")
		for (i = 1; i <= rows; i++) {
			n = split(row[i], word, " ")
			for (k = 2; k <= n; k++)
				stays[word[1], word[k]] = 1
		}
	}
	FNR == 1 {
		comment = 0
		quote = ""
		if (!/^\/\*/)
			wrong("begins without a comment that says what it does and what it depends on")
	}
	{
		line = code($0)
		if (index(line, "("))
			look_for_calls(line)
		if (line ~ /(^|[^A-Za-z0-9_])typedef[ \t]+(struct|union|enum)/)
			wrong("a typedef of a struct: write struct")
		if (line ~ /(^|[^A-Za-z0-9_])goto[ \t]/)
			wrong("goto: common/auto.h cleans up")
		# A definition or declaration of ours at the start of a line.
		if (line ~ /^[a-z][A-Za-z0-9_ ]*[ *](git|curl|cJSON|sd|libssh2)_[a-z0-9_]*\(/)
			wrong("a name of ours that begins like a library of others")
	}
	END { exit bad }' || bad=1

for file in $(find common agent -name '*.h'); do
	grep -q '^#pragma once' "$file" || {
		echo "$file:1: no #pragma once"
		bad=1
	}
done

# Tests wait for conditions with a deadline, in two places (containers of tests run `sleep` too, inside text).
grep -nE '(^|[^a-z_."])(time\.)?(sleep|usleep)\(' tests/e2e/*.py tests/unit/*.c |
	grep -vE '^tests/e2e/(waiting|gitservers).py' && bad=1
exit "$bad"
