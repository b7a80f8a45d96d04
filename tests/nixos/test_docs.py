"""docs/nixos.md says what the module says."""

import re
import subprocess

from conftest import ROOT, nix_env

PAGE = ROOT / "docs" / "nixos.md"


def tables(nix):
    return nix.run("sh", str(ROOT / "nixos/options.sh"), "--print").stdout


def test_the_tables_of_options_are_in_step(nix):
    inside = re.search(r"<!-- options: .*?-->\n(.*)<!-- end of options -->", PAGE.read_text(), re.S).group(1)
    assert inside.strip() == tables(nix).strip(), "out of date: sh nixos/options.sh"


def test_every_option_has_a_description(nix):
    rows = [line.split(" | ") for line in tables(nix).splitlines() if line.startswith("| `")]
    assert len(rows) > 90
    assert not [r[0] for r in rows if len(r) < 4 or len(r[-1].strip(" |")) < 8]


def test_examples_parse(nix):
    examples = re.findall(r"```nix\n(.*?)```", PAGE.read_text(), re.S)
    assert examples
    for text in examples:
        whole = text if text.lstrip().startswith("{") else "{\n" + text + "\n}"
        r = subprocess.run(["nix-instantiate", "--parse", "-"], input=whole, env=nix_env(), capture_output=True, text=True,
                           check=False)
        assert r.returncode == 0, f"{r.stderr}\n{text}"
