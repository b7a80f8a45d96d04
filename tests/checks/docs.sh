#!/bin/sh
# Documents say what the program says: events.md is what it prints, the manual names every verb, key and exit code, the
# architecture tour names every file of flow/, links lead somewhere, examples are valid JSON and YAML, man pages are sound.
#   sh docs.sh SOURCE_DIR BUILD_DIR
# Depends on: the built mdc-agent, python3; mandoc and python3-yaml if they are there.
set -eu
cd "$1"
program=$2/mdc-agent
[ -x "$program" ] || {
	echo "docs.sh: $program is not built" >&2
	exit 1
}
exec python3 - "$program" <<'END'
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

program, faults = sys.argv[1], []
env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


def ask(*args):
    return subprocess.run([program, *args], capture_output=True, text=True, check=True, env=env).stdout


def text(name):
    return Path(name).read_text(encoding="utf-8")


def need(what, where, hint):
    if not re.search(what, text(where)):
        faults.append(f"{where}: {hint}")


if text("docs/events.md") != ask("help", "--events"):
    faults.append("docs/events.md: out of date: mdc-agent help --events >docs/events.md")
if text("docs/policy.md") != ask("help", "--policy"):
    faults.append("docs/policy.md: out of date: mdc-agent help --policy >docs/policy.md")
for verb in json.loads(ask("help", "--json")):
    need(rf"mdc-agent {verb['name']}\b", "docs/manual.md", f"the verb {verb['name']} is not mentioned")
def items(page, section):
    """Heads of the list below the sections of a man page whose title holds `section`."""
    found = []
    for part in re.split(r"^\.SH ", ask("help", "--man", page), flags=re.M)[1:]:
        if section in part.splitlines()[0]:
            found += [i.replace("\\-", "-") for i in re.findall(r"^\.TP\n\\fB(.*?)\\fR", part, re.M)]
    if not found:
        faults.append(f"{page}: nothing found below {section}")
    return found


manual = text("docs/manual.md") + text("docs/policy.md")
for page in ("agent.yaml", "mdc.yaml"):
    keys = items(page, "KEYS")
    for key in keys:
        if any(k.startswith(key + ".") for k in keys):
            continue  # a map: what is in it counts
        names = [key, key.rsplit(".", 1)[0]] if key.startswith("hooks.") else [key]
        if not any(f"`{n}`" in manual or re.search(rf"^ *{re.escape(n)}:", manual, re.M) for n in names):
            faults.append(f"docs/manual.md: the key {key} of {page} is not mentioned")
for code in items("mdc-agent", "EXIT STATUS"):
    if not re.search(rf"^\| {code} \|", manual, re.M):
        faults.append(f"docs/manual.md: exit code {code} is not in the table")
for file in sorted(Path("agent/flow").glob("*.c")):
    need(rf"\b{file.name}\b", "docs/architecture.md", f"{file} is not mentioned")
for row in re.findall(r'^\t\{"([a-z ]+)", flow_', text("agent/flow/steps.c"), re.M):
    need(rf"(?m)^\| {row} \|", "docs/architecture.md", f"the step {row} is not in the table")

documents = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]


def anchors(path):
    heads = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text(path), flags=re.S), re.M)
    return {re.sub(r"[^a-z0-9 _-]", "", h.lower()).replace(" ", "-") for h in heads}


try:
    import yaml
except ImportError:
    yaml = None
for path in documents:
    if not path.exists():
        continue
    for target in re.findall(r"\]\(([^)\s]+)\)", text(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name) if name else path
        if not there.exists():
            faults.append(f"{path}: the link {target} leads nowhere")
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            faults.append(f"{path}: there is no heading for the link {target}")
    for kind, body in re.findall(r"```(json|yaml)\n(.*?)```", text(path), re.S):
        try:
            if kind == "json":
                json.loads(body)
            elif yaml:
                yaml.safe_load(body)
        except Exception as e:
            faults.append(f"{path}: an example is no {kind}: {str(e).splitlines()[0]}: {body.splitlines()[0]}")
if shutil.which("mandoc"):
    for page in ("mdc-agent", "agent.yaml", "mdc.yaml"):
        r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=ask("help", "--man", page), text=True,
                           capture_output=True, check=False)
        faults += [f"man page {page}: {line.split(':', 1)[-1].strip()}" for line in r.stdout.splitlines()
                   if "missing date" not in line and "not a manual" not in line]
if faults:
    print("\n".join(faults))
sys.exit(1 if faults else 0)
END
