"""nixos/package.nix builds what CMakeLists.txt asks for: every library has a name there, and CMake is content with the source."""

import re

from conftest import ROOT

# pkg-config's name -> nixpkgs' name
NAMES = {"libgit2": "libgit2", "yaml-0.1": "libyaml", "libcurl": "curl", "libcjson": "cjson", "libsystemd": "systemd",
         "libcrypto": "openssl", "libssh2": "libssh2", "libbtrfsutil": "btrfs-progs"}


def test_each_library_of_cmake_is_in_the_package():
    wanted = re.findall(r"pkg_check_modules\(\w+ REQUIRED IMPORTED_TARGET ([\w.-]+?)(?:>=[\d.]+)?\)",
                        (ROOT / "CMakeLists.txt").read_text())
    assert len(wanted) >= 8
    unknown = [w for w in wanted if w not in NAMES]
    assert not unknown, f"how does nixpkgs call {unknown}? Add it to NAMES here and to nixos/package.nix"
    inputs = re.search(r"buildInputs = \[([^]]*)\];", (ROOT / "nixos/package.nix").read_text().split("nativeBuildInputs")[1]
                       .split("\n", 1)[1]).group(1).split()
    assert sorted(inputs) == sorted(NAMES[w] for w in wanted)


def test_version_is_that_of_cmake(nix):
    version = re.search(r"project\(mdc-agent VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    got = nix.value("let pkgs = import ./pkgs.nix { lib = import ./lib.nix; }; in (pkgs.callPackage ../../nixos/package.nix { }).version")
    assert got == version


def test_every_file_parses(nix):
    for path in [ROOT / "flake.nix", *sorted((ROOT / "nixos").glob("*.nix")), *sorted((ROOT / "tests/nixos").rglob("*.nix"))]:
        nix.run("nix-instantiate", "--parse", str(path))
