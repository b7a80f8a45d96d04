# A stand-in for nixpkgs: packages by name, as far as nixos/ and flake.nix ask for any: empty directories, texts, and images
# of a few bytes. Built with the host's /bin/sh and nothing else. To add one: its name in the list.
{ lib, system ? "x86_64-linux" }:
let
  build = name: script: extra: derivation ({
    inherit name system;
    builder = "/bin/sh";
    PATH = "/usr/bin:/bin";
    args = [ "-eu" "-c" script ];
  } // extra);
  empty = name: build name "mkdir -p $out/bin" { };
  tarball = name: build "docker-image-${name}.tar" "echo tar >$out" { };

  pkgs = lib.genAttrs [ "age" "btrfs-progs" "cjson" "clang-tools" "cmake" "cmocka" "coreutils" "cppcheck" "curl" "docker-compose" "gnupg"
    "gitMinimal" "libgit2" "libssh2" "libyaml" "nginx" "ninja" "nix" "openssh" "openssl" "pkg-config" "postgrest" "python3" "redis" "sops" "systemd" ] empty // {
    inherit lib system;
    writeText = name: text: build name "cat \"$textPath\" >$out" { inherit text; passAsFile = [ "text" ]; };
    callPackage = file: given:
      let f = import file; in f (builtins.intersectAttrs (builtins.functionArgs f) pkgs // given);
    mkShell = attrs: empty "shell" // attrs;
    stdenv.mkDerivation = attrs: empty "${attrs.pname}-${attrs.version}" // attrs;
    dockerTools = {
      buildImage = a: tarball a.name // { imageName = a.name; imageTag = a.tag or null; };
      buildLayeredImage = pkgs.dockerTools.buildImage;
      pullImage = a: tarball a.finalImageName // { destNameTag = "${a.finalImageName}:${a.finalImageTag}"; };
      streamLayeredImage = a:
        build "stream-${a.name}" "printf '#!/bin/sh\\necho tar\\n' >$out; chmod +x $out" { }
        // { imageName = a.name; imageTag = a.tag or null; isExe = true; };
    };
  };
in
pkgs
