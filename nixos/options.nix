# Options of the host, `services.managedDockerCompose`: names and defaults of nix-managed-docker-compose 0.6.0 are kept.
# Depends on project.nix and composition.nix. To add one: here, in module.nix what the agent gets, a case in tests/nixos;
# `sh nixos/options.sh` then writes docs/nixos.md anew.
{ config, lib, pkgs, projectType, compositionType }:
let
  inherit (lib) mkOption mkEnableOption types literalExpression;

  file = description: mkOption { type = types.nullOr types.str; default = null; inherit description; };
  text = file;
  drivers = [ "auto" "btrfs" "reflink" "copy" "zfs" "command" "tar" "hook" "none" ];
in
{
  enable = mkEnableOption "mdc-agent, which deploys Compose projects and goes back when they do not become healthy";
  package = mkOption {
    type = types.package;
    default = pkgs.mdc-agent or (pkgs.callPackage ./package.nix { });
    defaultText = literalExpression "pkgs.mdc-agent, or this repository's package";
    description = "The agent.";
  };
  composePackage = mkOption {
    type = types.package;
    default = pkgs.docker-compose;
    defaultText = literalExpression "pkgs.docker-compose";
    description = "Compose, version 2. It is used with Podman too, through Podman's API socket.";
  };
  backend = mkOption {
    type = types.enum [ "docker" "podman" "" ];
    default = config.virtualisation.oci-containers.backend;
    defaultText = literalExpression "config.virtualisation.oci-containers.backend";
    description = ''The engine. `""` means `virtualisation.oci-containers.backend` too.'';
  };
  projects = mkOption {
    type = types.attrsOf projectType;
    default = { };
    description = "Projects of this host, beside or instead of those of a Git repository.";
  };
  compositions = mkOption {
    type = types.attrsOf compositionType;
    default = { };
    description = "Projects in khepri's words; each becomes the `settings` of the project of that name.";
  };
  removeUnmanaged = mkOption {
    type = types.bool;
    default = false;
    description = ''
      Also take down Compose projects of this engine that the agent did not start, as nix-managed-docker-compose did up to
      0.6. Volumes stay.
    '';
  };
  generations.keep = mkOption {
    type = types.ints.positive;
    default = 10;
    description = "Generations kept for `mdc-agent rollback`, with their images and store paths.";
  };

  git = {
    url = text "The config repository: `https://`, `ssh://`, `git@host:path` or `file:///`. `null`: only what NixOS declares.";
    branch = mkOption { type = types.str; default = "main"; description = "Branch whose head is deployed."; };
    tag = text "Instead of a branch: the newest tag, in version order, that matches.";
    path = mkOption { type = types.str; default = "."; description = "Directory in the repository where projects are looked for."; };
    host = mkOption {
      type = types.str;
      default = config.networking.hostName;
      defaultText = literalExpression "config.networking.hostName";
      description = "What `hosts` in the repository means by this machine.";
    };
    pollIntervalSec = mkOption { type = types.ints.positive; default = 60; description = "Seconds between two looks."; };
    username = text "User name for https; for ssh the one in the URL goes first.";
    sshKeyFile = file "Private key, outside of the store.";
    tokenFile = file "Token or password for https, outside of the store; mode 0600.";
    knownHostsFile = file "Host keys for ssh; no other key is accepted.";
    caFile = file "Certificate authorities for https, instead of the system's.";
    evaluator = mkOption {
      type = types.enum [ "files" "flake" ];
      default = "files";
      description = "How projects are found: by their Compose files, or by evaluating the repository's flake.";
    };
    flakeAttribute = text "The flake's attribute that holds this host's projects; `null`: `mdcAgent.<host>`.";
  };

  webhook = {
    url = text "Where events are sent: one receiver. For more, or other formats than CloudEvents, see `webhooks`.";
    secretFile = file "Secret that signs each request (Standard Webhooks); outside of the store, mode 0600.";
    events = mkOption {
      type = types.listOf types.str;
      default = [ "project.deployed" "project.failed" "project.rolled-back" "project.degraded" ];
      description = "Which events; patterns such as `project.*`. `mdc-agent help --events` lists them.";
    };
  };
  webhooks = mkOption {
    type = types.listOf (types.attrsOf types.anything);
    default = [ ];
    description = "Receivers in the words of `agent.yaml`, such as `{ url = ...; format = \"ntfy\"; token_file = ...; }`.";
  };

  health = {
    timeoutSec = mkOption { type = types.ints.positive; default = 180; description = "Seconds a project has to become healthy."; };
    settleSec = mkOption { type = types.ints.unsigned; default = 10; description = "Seconds it must stay healthy."; };
  };
  rollback.restoreVolumes = mkOption {
    type = types.enum [ "auto" "manual" "never" ];
    default = "auto";
    description = ''
      A project that does not become healthy always goes back to what ran before. This says whether its volumes do, from the
      copy made just before the change: by themselves, by `mdc-agent restore`, or not at all.
    '';
  };
  snapshots = {
    enable = mkOption { type = types.bool; default = true; description = "Whether volumes are copied before a change."; };
    driver = mkOption { type = types.enum drivers; default = "auto"; description = "How; `auto` takes the best that the file system can do."; };
    directory = file "Where copies are kept; on the volumes' own file system. `null`: chosen by the agent.";
    keep = mkOption { type = types.ints.unsigned; default = 5; description = "Copies kept of each project."; };
    stopFirst = mkOption { type = types.bool; default = true; description = "Stop what writes before the copy; `false`: pause it."; };
    subvolumes = mkOption { type = types.bool; default = false; description = "On btrfs: make volumes subvolumes, which are copied at once."; };
    command = file "Program of the driver `command`.";
  };

  apply.onSwitch = mkOption {
    type = types.bool;
    default = false;
    description = ''
      Let `nixos-rebuild switch` wait for `mdc-agent-apply.service`, and fail when a project is not as it should be. Without
      it the switch ends at once, and the journal and `mdc-agent status` tell.
    '';
  };
  rootless.enable = mkEnableOption ''
    a user unit `mdc-agent.service` for accounts that have a `~/.config/mdc-agent/agent.yaml`, for rootless Podman or Docker'';
  extraConfig = mkOption {
    type = types.attrsOf types.anything;
    default = { };
    description = "Laid over the agent's settings, in the words of `agent.yaml`: for keys that have no option here.";
  };
  configFile = mkOption {
    type = types.package;
    readOnly = true;
    description = "What is written to `/etc/mdc-agent/agent.yaml`.";
  };
  agentProjects = mkOption {
    type = types.attrsOf types.anything;
    readOnly = true;
    description = "The projects as the agent reads them: what a flake gives out as `mdcAgent.<host>`.";
  };
}
