#!/bin/sh
# Includes point down only, and each library is known to one place only.
#   sh layers.sh SOURCE_DIR
# To add a folder: a line in may_see. To add a library: a line in libraries.
set -eu
cd "$1"

# What each folder may include besides itself. Folders of one row do not see each other.
may_see='
common
agent/model     common
agent/git       agent/model common
agent/eval      agent/model common
agent/engine    agent/model common
agent/snapshot  agent/model common
agent/notify    agent/model common
agent/store     agent/model common
agent/policy    agent/model common
agent/poll      agent/model common
agent/flow      agent/git agent/eval agent/engine agent/snapshot agent/notify agent/store agent/policy agent/model common
agent/daemon    agent/store agent/notify agent/model common
agent/cli       agent/flow agent/store agent/notify agent/model common
'

# What a library's headers begin with, and the files that may include them (a regular expression).
# cli/version.c prints the libraries' versions.
libraries='
git2                ^(agent/git/|agent/cli/version.c)
curl/               ^(common/http|agent/git/link|agent/cli/version.c)
yaml.h              ^(common/y|agent/cli/version.c)
libssh2             ^common/gitssh
openssl/            ^common/
systemd/sd-event    ^agent/daemon/
systemd/sd-daemon   ^agent/daemon/
systemd/sd-journal  ^agent/notify/
btrfsutil           ^agent/snapshot/
'

find common agent -name '*.[ch]' | sort | MAY_SEE=$may_see LIBRARIES=$libraries xargs awk '
	function folder_of(path) {
		sub(/\/[^\/]*$/, "", path)
		return path
	}
	function wrong(text) {
		print FILENAME ":" FNR ": " text
		bad = 1
	}
	function own(name,    folder) {
		folder = folder_of(FILENAME)
		if (name == "hook_post_receive.h")
			return # made by the build
		if (name !~ /\//)
			wrong("\"" name "\": write the whole path")
		else if (!((folder, folder_of(name)) in sees))
			wrong(folder " must not include " name)
	}
	function foreign(name,    l) {
		for (l in where)
			if (index(name, l) == 1 && FILENAME !~ where[l])
				wrong("<" name "> belongs to " where[l])
	}
	BEGIN {
		rows = split(ENVIRON["MAY_SEE"], row, "\n")
		for (i = 1; i <= rows; i++) {
			n = split(row[i], word, " ")
			if (n > 0)
				known[word[1]] = 1
			for (k = 1; k <= n; k++)
				sees[word[1], word[k]] = 1
		}
		rows = split(ENVIRON["LIBRARIES"], row, "\n")
		for (i = 1; i <= rows; i++)
			if (split(row[i], word, " ") == 2)
				where[word[1]] = word[2]
	}
	FNR == 1 && !(folder_of(FILENAME) in known) {
		wrong("folder " folder_of(FILENAME) " is in no row of tests/checks/layers.sh")
	}
	/^[ \t]*#[ \t]*include/ {
		name = $0
		sub(/^[^<"]*[<"]/, "", name)
		sub(/[>"].*/, "", name)
		if (/"/)
			own(name)
		else
			foreign(name)
	}
	END { exit bad }'
