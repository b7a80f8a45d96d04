# Options of one project, `services.managedDockerCompose.projects.<name>`. The names composeFile, substitutions and
# substitutionsFromFiles are those of nix-managed-docker-compose. To add one: here, and in render.nix what the agent gets.
{ lib, composeValue, normaliseName }:
let
  inherit (lib) mkOption mkEnableOption types;

  fallback = of: type: description: mkOption {
    type = types.nullOr type;
    default = null;
    description = "${description} `null`: what `${of}` says.";
  };
  list = of: description: mkOption { type = types.listOf of; default = [ ]; inherit description; };

  hook = types.submodule {
    options = {
      service = mkOption { type = types.str; description = "Service whose container runs the command."; };
      command = mkOption { type = types.listOf types.str; description = "Program and arguments; no shell unless you name one."; };
      timeoutSec = mkOption { type = types.ints.positive; default = 300; description = "Seconds after which it is killed and the deployment gives up."; };
    };
  };
in
types.submodule ({ name, ... }: {
  options = {
    enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the project is deployed. `false` removes it like deleting it: containers go, volumes stay.";
    };
    projectName = mkOption {
      type = types.str;
      default = normaliseName name;
      defaultText = lib.literalExpression "the attribute's name in lower case, without what Compose does not take";
      description = ''
        Name of the Compose project, which volumes and networks are called after. Set it to `"store"` to take over what
        nix-managed-docker-compose left running (with `adopt`), or to the `-project` of compose2nix.
      '';
    };
    composeFile = mkOption {
      type = types.nullOr types.path;
      default = null;
      description = "The Compose file. Exactly one of this and `settings` is needed.";
    };
    extraComposeFiles = list types.path "More Compose files, merged over the first in this order.";
    settings = mkOption {
      type = types.nullOr (types.attrsOf composeValue);
      default = null;
      description = ''
        The Compose file as a Nix value: any key that Compose knows, merged across modules. `image` of a service may be an
        image of `dockerTools`. Compose puts `''${NAME}` in; write `$$` for a dollar.
      '';
    };
    images = mkOption {
      type = types.attrsOf types.package;
      default = { };
      description = "Images of `dockerTools` (tarball or stream) by service: loaded before anything stops, never pulled.";
    };
    substitutions = mkOption {
      type = types.attrsOf types.str;
      default = { };
      description = "Each `\${key}` in the Compose file becomes this value, exactly. Values are readable in the store.";
    };
    substitutionsFromFiles = mkOption {
      type = types.attrsOf types.path;
      default = { };
      description = ''
        Each `''${key}` becomes the content of this file of the host, read at deploy time, without one newline at its end.
        Quote the path: an unquoted one is copied into the store, where everybody can read it.
      '';
    };
    environmentFiles = list types.str "Files with values for `\${NAME}` in the Compose file (`--env-file`), read at deploy time.";
    profiles = list types.str "Compose profiles to enable.";
    after = list types.str "Projects that must be healthy before this one is tried.";
    pull = mkOption {
      type = types.enum [ "always" "missing" "never" ];
      default = "missing";
      description = "When images are pulled, always before anything is touched.";
    };
    onRemove = mkOption {
      type = types.enum [ "down" "stop" "keep" ];
      default = "down";
      description = "What happens to containers and networks when the project leaves the configuration. Volumes always stay.";
    };
    downTimeoutSec = mkOption {
      type = types.ints.positive;
      default = 120;
      description = "Seconds that containers have to end when the project is taken down.";
    };
    requiresMounts = list types.str "Directories that must be mounted; otherwise the project is not touched.";
    adopt = mkOption {
      type = types.bool;
      default = false;
      description = "Take over running containers of a Compose project of this name that the agent did not start.";
    };
    suspend = mkOption {
      type = types.bool;
      default = false;
      description = "Leave the project exactly as it is until this is `false` again.";
    };
    hostNixStore = {
      enable = mkEnableOption "the host's `/nix/store` inside the services, so that images need hold no programs";
      services = mkOption {
        type = types.nullOr (types.listOf types.str);
        default = null;
        description = "Only these services; `null`: all.";
      };
      readOnly = mkOption { type = types.bool; default = true; description = "Mount it read-only."; };
      nixDaemon = mkOption {
        type = types.bool;
        default = false;
        description = "Also mount the Nix daemon's socket and set `NIX_REMOTE=daemon`.";
      };
    };
    health = {
      timeoutSec = fallback "health.timeoutSec" types.ints.positive "Seconds the project has to become healthy; then it goes back.";
      settleSec = fallback "health.settleSec" types.ints.unsigned "Seconds it must stay healthy without a restart.";
      http = list types.str "Addresses that must answer with a status from 200 to 399, asked from the host.";
      units = list types.str "Units of the host that must be active, such as `container@db.service`.";
    };
    snapshot = {
      enable = fallback "snapshots.enable" types.bool "Whether volumes are copied before a change, and put back when it fails.";
      volumes = mkOption {
        type = types.nullOr (types.listOf types.str);
        default = null;
        description = "Only these volumes, by their name in the Compose file; `null`: all.";
      };
      paths = list types.str "Directories of the host to copy as well, for data in bind mounts.";
      driver = fallback "snapshots.driver" (types.enum [ "auto" "btrfs" "reflink" "copy" "zfs" "command" "tar" "hook" "none" ])
        "How volumes are copied; `tar` is `copy`, `hook` is `command`.";
      stopFirst = fallback "snapshots.stopFirst" types.bool "Stop what writes before the copy; `false`: pause it.";
      quiesce = mkOption {
        type = types.nullOr (types.enum [ "stop" "pause" "none" ]);
        default = null;
        description = "The same with one word more: `none` copies while services write. Goes before `stopFirst`.";
      };
      restore = fallback "rollback.restoreVolumes" (types.enum [ "auto" "manual" "never" ])
        "Whether a failed deployment puts the copies back by itself.";
    };
    hooks = {
      beforeSnapshot = mkOption {
        type = types.nullOr hook;
        default = null;
        description = "A command in a container before it is stopped for the copy, such as a dump. If it fails, nothing is changed.";
      };
      afterSnapshot = mkOption {
        type = types.nullOr hook;
        default = null;
        description = "A command in a container after the copy, once it runs again.";
      };
    };
  };
})
