# NixOS module `services.managedDockerCompose`: settings, units and clients of mdc-agent. It takes the place of
# nix-managed-docker-compose (same option and unit names) and reads compositions of khepri.
# What is where: options.nix, project.nix, composition.nix the options; render.nix files and agent.yaml; unit.nix systemd;
# assertions.nix what is refused.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkIf types;
  cfg = config.services.managedDockerCompose;
  backend = if cfg.backend == "" then config.virtualisation.oci-containers.backend else cfg.backend;

  # Whatever a Compose file may hold; merges, so that several modules can add to one project.
  composeValue = (types.nullOr (types.oneOf [
    types.bool
    types.int
    types.float
    types.str
    types.path
    (types.attrsOf composeValue)
    (types.listOf composeValue)
  ])) // { description = "Compose value"; };

  render = import ./render.nix { inherit lib pkgs; };
  composition = import ./composition.nix { inherit lib composeValue; };
  projectType = import ./project.nix { inherit lib composeValue; inherit (render) normaliseName; };
  units = import ./unit.nix { inherit config lib pkgs cfg backend configFile; };

  projects = render.agentProjects cfg.projects;

  source = render.compact {
    inherit (cfg.git) url branch tag path username;
    poll = render.seconds cfg.git.pollIntervalSec;
    ssh_key_file = cfg.git.sshKeyFile;
    token_file = cfg.git.tokenFile;
    known_hosts_file = cfg.git.knownHostsFile;
    ca_file = cfg.git.caFile;
    evaluator = if cfg.git.evaluator == "files" then null else cfg.git.evaluator;
    flake_attribute = cfg.git.flakeAttribute;
  };

  settings = {
    inherit (cfg.git) host;
    engine = backend;
    socket = if backend == "docker" then "/run/docker.sock" else "/run/podman/podman.sock";
    compose = lib.getExe' cfg.composePackage "docker-compose";
    retention = { generations = cfg.generations.keep; snapshots = cfg.snapshots.keep; };
    defaults = {
      health = render.agentHealth cfg.health;
      snapshot = render.agentSnapshot (cfg.snapshots // { quiesce = null; restore = cfg.rollback.restoreVolumes; });
    };
    inherit projects; # also when there are none: those that were declared before are then taken down
  } // render.compact {
    source = if cfg.git.url == null then null else source;
    snapshots = render.compact { dir = cfg.snapshots.directory; inherit (cfg.snapshots) command; }
      // lib.optionalAttrs cfg.snapshots.subvolumes { subvolumes = true; };
    webhooks = cfg.webhooks ++ lib.optional (cfg.webhook.url != null)
      (render.compact { inherit (cfg.webhook) url events; secret_file = cfg.webhook.secretFile; });
  } // lib.optionalAttrs cfg.removeUnmanaged { remove_unmanaged = true; };

  configFile = pkgs.writeText "agent.yaml" (builtins.toJSON (lib.recursiveUpdate settings cfg.extraConfig));
in
{
  options.services.managedDockerCompose = import ./options.nix {
    inherit config lib pkgs projectType;
    compositionType = composition.type;
  };

  config = mkIf cfg.enable {
    services.managedDockerCompose = {
      projects = lib.mapAttrs (_: composition.toProject) cfg.compositions;
      inherit configFile;
      agentProjects = { version = 1; inherit projects; };
    };

    assertions = import ./assertions.nix { inherit lib cfg render; };

    environment.systemPackages = [ cfg.package cfg.composePackage ];
    environment.etc."mdc-agent/agent.yaml".source = configFile;

    virtualisation.docker.enable = mkIf (backend == "docker") true;
    virtualisation.podman.enable = mkIf (backend == "podman") true;

    systemd = units;
  };
}
