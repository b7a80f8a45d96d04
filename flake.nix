{
  description = "mdc-agent: Compose projects from Git or NixOS, which go back when they do not become healthy";

  # Only packages and the development shell need it. Your own: inputs.mdc-agent.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      each = f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) systems);
      module = import ./nixos/module.nix;
      modules = { default = module; managedDockerCompose = module; };
      package = pkgs: pkgs.callPackage ./nixos/package.nix { };
    in
    {
      # nixosModules.${system}.managedDockerCompose is where nix-managed-docker-compose had it.
      nixosModules = each (_: modules) // modules;

      overlays.default = final: _: { mdc-agent = package final; };

      packages = each (system: rec {
        mdc-agent = package nixpkgs.legacyPackages.${system};
        default = mdc-agent;
      });

      # For a config repository with `git.evaluator = "flake"`:
      #   outputs = { nixpkgs, mdc-agent, ... }: { mdcAgent.server1 = mdc-agent.lib.projects nixpkgs.legacyPackages.x86_64-linux [
      #     { services.managedDockerCompose.projects.web.composeFile = ./web/compose.yaml; } ]; };
      lib.projects = pkgs: modules: (import ./nixos/standalone.nix { inherit (pkgs) lib; inherit pkgs; } modules).projects;

      # These need no nixpkgs.
      checks = each (system: import ./tests/nixos/checks.nix { inherit system; });

      devShells = each (system:
        let pkgs = nixpkgs.legacyPackages.${system};
        in {
          default = pkgs.mkShell {
            inputsFrom = [ self.packages.${system}.mdc-agent ];
            packages = with pkgs; [ clang-tools cmocka cppcheck docker-compose python3 ];
          };
        });
    };
}
