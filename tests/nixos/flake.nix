{
  description = "Stands in for nixpkgs where there is no network";

  # nix flake check --no-write-lock-file --override-input nixpkgs path:$PWD/tests/nixos
  outputs = { self }:
    let lib = import ./lib.nix;
    in {
      inherit lib;
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: import ./pkgs.nix { inherit lib system; });
    };
}
