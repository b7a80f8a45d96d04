# The module without NixOS around it: for a repository whose flake gives out `mdcAgent.<host>`, and for tests.
#   (import ./standalone.nix { inherit lib pkgs; } [ { services.managedDockerCompose = ...; } ]).config
# The options below are those of NixOS that module.nix sets or reads, with their types and defaults.
{ lib, pkgs }:
modules:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };

  host = {
    options = {
      assertions = option (types.listOf types.anything) [ ];
      environment.systemPackages = option (types.listOf types.package) [ ];
      environment.etc = option (types.attrsOf types.anything) { };
      networking.hostName = option types.str "nixos";
      virtualisation.docker.enable = option types.bool false;
      virtualisation.podman.enable = option types.bool false;
      virtualisation.oci-containers.backend = option (types.enum [ "podman" "docker" ]) "podman";
      systemd.services = option (types.attrsOf types.anything) { };
      systemd.user.services = option (types.attrsOf types.anything) { };
    };
  };

  evaluated = lib.evalModules {
    modules = [ host ./module.nix { services.managedDockerCompose.enable = lib.mkDefault true; } ] ++ modules;
    specialArgs = { inherit pkgs; };
  };
  wrong = map (a: a.message) (lib.filter (a: !a.assertion) evaluated.config.assertions);
in
evaluated // {
  inherit wrong;
  # What the agent's evaluator `flake` asks for. NixOS itself refuses failed assertions; here it has to be done.
  projects =
    if wrong == [ ] then evaluated.config.services.managedDockerCompose.agentProjects
    else throw (lib.concatStringsSep "\n" wrong);
}
