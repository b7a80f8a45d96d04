#!/bin/sh
# Writes the tables of options in docs/nixos.md anew, from the options of the module.
#   sh nixos/options.sh            --print: only print them
# Depends on: nix-instantiate, python3; uses no nixpkgs. The store is not needed, so any one will do.
set -eu
cd "$(dirname "$0")/.."
tables=$(nix-instantiate --eval --json --expr '
	import ./nixos/options-doc.nix {
		lib = import ./tests/nixos/lib.nix;
		options = (import ./tests/nixos/eval.nix [ ]).options.services.managedDockerCompose;
	}' | python3 -c 'import json, sys; print(json.load(sys.stdin), end="")')
if [ "${1:-}" = --print ]; then
	printf '%s\n' "$tables"
	exit
fi
TABLES=$tables python3 - <<'END'
import os, re
page = open("docs/nixos.md", encoding="utf-8").read()
begin, end = "<!-- options: sh nixos/options.sh -->\n", "<!-- end of options -->"
new, n = re.subn(f"({re.escape(begin)}).*?({end})", lambda m: m[1] + "\n" + os.environ["TABLES"] + "\n\n" + m[2], page, flags=re.S)
assert n == 1, "docs/nixos.md has lost its marks"
open("docs/nixos.md", "w", encoding="utf-8").write(new)
END
