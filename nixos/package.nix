# mdc-agent from this source tree, with the names nixpkgs has for the libraries of CMakeLists.txt (tests/nixos compares).
{ lib
, stdenv
, cmake
, ninja
, pkg-config
, libgit2
, libyaml
, curl
, cjson
, systemd
, openssl
, libssh2
, btrfs-progs
, src ? lib.cleanSource ../.
}:
stdenv.mkDerivation {
  pname = "mdc-agent";
  version = builtins.head (builtins.match ".*project\\(mdc-agent VERSION ([0-9.]+) .*" (builtins.readFile ../CMakeLists.txt));
  inherit src;

  nativeBuildInputs = [ cmake ninja pkg-config ];
  buildInputs = [ libgit2 libyaml curl cjson systemd openssl libssh2 btrfs-progs ];

  # The tests need engines and root; they are for tests/run.sh. Warnings of compilers to come do not break a host's build.
  cmakeFlags = [ "-DMDC_TESTS=OFF" "-DMDC_WERROR=OFF" ];

  meta = {
    description = "Deploys Compose projects from Git or NixOS, and goes back when they do not become healthy";
    mainProgram = "mdc-agent";
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
  };
}
