# The module with the mini library and the mini packages: eval.nix modules -> { config, options, wrong, projects, pkgs, lib }.
modules:
let
  lib = import ./lib.nix;
  pkgs = import ./pkgs.nix { inherit lib; };
in
import ../../nixos/standalone.nix { inherit lib pkgs; } modules // { inherit pkgs lib; }
