# Every case of cases/*.nix as a derivation that can only be built if the case holds: for `nix flake check`.
{ system }:
let
  lib = import ./lib.nix;
  files = lib.filter (n: builtins.match ".*\\.nix" n != null) (lib.attrNames (builtins.readDir ./cases));
  failures = file: lib.concatStringsSep "\n" (lib.concatLists (lib.mapAttrsToList
    (name: c: lib.optional (c.expr != c.expected)
      "${name}: expected ${builtins.toJSON c.expected}, got ${builtins.toJSON c.expr}")
    (import (./cases + "/${file}"))));
  check = file: derivation {
    inherit system;
    name = "cases-${builtins.head (builtins.match "(.*)\\.nix" file)}";
    builder = "/bin/sh";
    args = [ "-c" "echo passed >$out" ];
    failures =
      let text = builtins.unsafeDiscardStringContext (failures file);
      in if text == "" then "" else throw "${file}: ${text}";
  };
in
lib.listToAttrs (map (file: lib.nameValuePair (builtins.head (builtins.match "(.*)\\.nix" file)) (check file)) files)
