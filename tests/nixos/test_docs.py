"""docs/nixos.md says what the module says."""

import re
import subprocess

import pytest

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


def examples():
    """(title, text) of each example that is a configuration; its first line is a comment that says what it is."""
    found = [(text.splitlines()[0].lstrip("# "), text) for text in re.findall(r"```nix\n(.*?)```", PAGE.read_text(), re.S)
             if text.startswith("#")]
    assert all("services.managedDockerCompose" in text for _, text in found)
    return found


@pytest.mark.parametrize("title,text", examples(), ids=[title for title, _ in examples()])
def test_examples_are_configurations(title, text, nix, tmp_path):
    """Each evaluates, nothing of it is refused, and the agent would get every project it names."""
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "example.nix").write_text("{ pkgs, ... }:\n{\n" + text + "\n}\n")
    got = nix.value(f"""with import ./world.nix; let e = eval {{ }} [ {tmp_path}/example.nix ]; in
        {{ inherit (e) wrong; agent = agentOf e; }}""")
    assert got["wrong"] == []
    names = re.findall(r"^ *(?:projects|compositions)\.(\w+)", text, re.M)
    assert sorted({n.lower() for n in names}) == sorted(got["agent"]["projects"])
    assert names or "git" in title
    for project in got["agent"]["projects"].values():
        assert project["compose_files"], title


def test_each_of_the_five_systems_has_a_guide_with_an_example():
    titles = [title for title, _ in examples()]
    for system in ("nix-managed-docker-compose", "compose2nix", "oci-containers", "khepri", "nix-docker"):
        assert any(title.startswith(f"from {system}") for title in titles), system
        guide = re.search(rf"## From {system}.*?\n(.*?)\n## ", PAGE.read_text(), re.S).group(1)
        for part in ("**What to write.**", "**Going back.**", "olumes"):
            assert part in guide, f"{system}: {part}"


STATEMENTS = [f"S{part}.{n}" for part, last in enumerate((9, 8, 7, 7, 5, 4)) for n in range(1, last + 1)]


def rows():
    return re.findall(r"(?m)^\| (S\d\.\d) \| .* \| (.*) \|$", PAGE.read_text())


def test_files_of_the_table_hold_tests_of_the_statement():
    places = [ROOT / "tests" / "nixos", ROOT / "tests" / "e2e"]
    for statement, cell in rows():
        named = re.findall(r"`([\w./]+)`", cell)
        assert named, statement
        for name in named:
            path = next((p / name for p in places if (p / name).exists()), None)
            assert path, f"{statement}: there is no {name}"
            wanted = f"_{statement.lower().replace('.', '_')}_"
            assert wanted in path.read_text(), f"{statement}: no test{wanted}... in {name}"


def test_every_statement_is_in_the_table():
    assert [statement for statement, _ in rows()] == STATEMENTS


def test_examples_parse(nix):
    examples = re.findall(r"```nix\n(.*?)```", PAGE.read_text(), re.S)
    assert examples
    for text in examples:
        whole = text if text.startswith("{") else "{ pkgs, ... }: {\n" + text + "\n}"
        r = subprocess.run(["nix-instantiate", "--parse", "-"], input=whole, env=nix_env(), capture_output=True, text=True,
                           check=False)
        assert r.returncode == 0, f"{r.stderr}\n{text}"
