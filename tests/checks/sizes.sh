#!/bin/sh
# Functions, files and lines stay small enough to be read: at most 60 lines and complexity 15 a function, 400 lines a
# file, 100 columns a line (tabs are 8; a line that holds a text literal may be longer, because messages are not broken, and
# so may the lines of a macro that holds one).
# Tests hold tables of cases: their files may have 600 lines.
#   sh sizes.sh SOURCE_DIR
set -eu
cd "$1"
command -v pmccabe >/dev/null || {
	echo "sizes.sh: pmccabe is not installed: run tests/install.sh" >&2
	exit 1
}
sources=$(find common agent tests -name '*.[ch]' | sort)
bad=0
# Columns: complexity (a switch counts once), the same without that, statements, first line, lines, place, name.
# shellcheck disable=SC2086 -- a list of names without blanks
pmccabe $sources 2>/dev/null | awk '
	$1 > 15 { print $6 " " $7 ": complexity " $1 ", more than 15"; bad = 1 }
	$5 > 60 { print $6 " " $7 ": " $5 " lines, more than 60"; bad = 1 }
	END { exit bad }' || bad=1
# shellcheck disable=SC2086
LC_ALL=C awk '
	function columns_of(line,    i, c, n, columns) {
		n = length(line)
		columns = 0
		for (i = 1; i <= n; i++) {
			c = substr(line, i, 1)
			if (c == "\t")
				columns += 8 - columns % 8
			else if (c < "\200" || c > "\277") # not the rest of a character
				columns++
		}
		return columns
	}
	function end_of_file(most) {
		most = file ~ /^tests\// ? 600 : 400
		if (lines > most) {
			print file ": " lines " lines, more than " most
			bad = 1
		}
	}
	FNR == 1 && file != "" { end_of_file() }
	{
		file = FILENAME
		lines = FNR
	}
	length($0) > 50 && !/"/ && !/\\$/ && columns_of($0) > 100 {
		print FILENAME ":" FNR ": more than 100 columns"
		bad = 1
	}
	END {
		end_of_file()
		exit bad
	}' $sources || bad=1
exit "$bad"
