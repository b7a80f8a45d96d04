# Compositions as khepri writes them: its option names, any other key of the Compose specification beside them, and how one
# becomes the settings of a project. Depends on lib only. To add an option: its name here in `renamed`, and below `options`.
{ lib, composeValue }:
let
  inherit (lib) mkOption types;

  # khepri's name -> the Compose file's
  renamed = {
    environmentFiles = "env_file";
    containerName = "container_name";
    cmd = "command";
    dependsOn = "depends_on";
    capAdd = "cap_add";
    capDrop = "cap_drop";
    extraHosts = "extra_hosts";
  };
  # Of later khepri; free-form here, as they are what Compose calls otherwise.
  renamedFree = { memory = "mem_limit"; memoryReservation = "mem_reservation"; pidsLimit = "pids_limit"; };
  renamedHealth = { startPeriod = "start_period"; startInterval = "start_interval"; };
  rename = names: lib.mapAttrs' (n: v: lib.nameValuePair (names.${n} or n) v);
  same = [ "restart" "environment" "volumes" "networks" "ports" "devices" "labels" "entrypoint" "image" ];

  namesOrAttrs = types.either (types.listOf types.str) (types.attrsOf composeValue);

  list = of: description: mkOption { type = types.listOf of; default = [ ]; inherit description; };

  service = types.submodule {
    freeformType = types.attrsOf composeValue;
    options = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the service is part of the composition.";
      };
      image = mkOption {
        type = types.nullOr (types.either types.str types.package);
        default = null;
        description = "Name of an image, or an image of `dockerTools` (tarball or stream), which is loaded and never pulled.";
      };
      restart = mkOption {
        type = types.strMatching "no|always|unless-stopped|on-failure(:[0-9]+)?";
        default = "no";
        description = "Restart policy.";
      };
      environment = mkOption {
        type = types.attrsOf types.anything;
        default = { };
        description = "Environment. `true` and `false` arrive as these words (khepri made `1` and nothing of them).";
      };
      environmentFiles = list types.str "Files with environment, read on the host (`env_file`).";
      containerName = mkOption {
        type = types.nullOr types.str;
        default = null;
        description = "Name of the container (`container_name`).";
      };
      volumes = list composeValue "Volumes and bind mounts, short or long form.";
      cmd = mkOption {
        type = types.nullOr (types.listOf types.str);
        default = null;
        description = "Command (`command`).";
      };
      networks = mkOption { type = namesOrAttrs; default = [ ]; description = "Networks, as names or long form."; };
      ports = list composeValue "Published ports, short or long form.";
      dependsOn = mkOption {
        type = namesOrAttrs;
        default = [ ];
        description = "Services to start before this one, as names or long form with conditions (`depends_on`).";
      };
      devices = list types.str "Devices of the host.";
      capAdd = list types.str "Capabilities to add (`cap_add`).";
      capDrop = list types.str "Capabilities to drop (`cap_drop`).";
      extraHosts = list types.str "More lines of `/etc/hosts` (`extra_hosts`).";
      labels = mkOption { type = types.attrsOf types.str; default = { }; description = "Labels of the container."; };
      entrypoint = mkOption {
        type = types.nullOr (types.either types.str (types.listOf types.str));
        default = null;
        description = "Entrypoint.";
      };
    };
  };

  word = v: if v == true then "true" else if v == false then "false" else if v == null then null else toString v;

  # khepri hands values to the container as they are, Compose would put variables in.
  literal = v:
    if builtins.isString v then builtins.replaceStrings [ "$" ] [ "$$" ] v
    else if builtins.isList v then map literal v
    else if builtins.isAttrs v && !(v ? outPath) then lib.mapAttrs (_: literal) v
    else v;

  isSet = _: v: v != null && v != [ ] && v != { };

  free = s:
    let keys = rename renamedFree (builtins.removeAttrs s ([ "enable" ] ++ same ++ lib.attrNames renamed));
    in keys // lib.optionalAttrs (builtins.isAttrs (keys.healthcheck or null)) { healthcheck = rename renamedHealth keys.healthcheck; };

  renderService = s: literal (
    free s
    // lib.filterAttrs isSet (lib.genAttrs same (n: s.${n}) // { environment = lib.mapAttrs (_: word) s.environment; })
    // lib.filterAttrs isSet (lib.mapAttrs' (n: to: lib.nameValuePair to s.${n}) renamed));

  # Names alone mean: with the defaults.
  asAttrs = v: if builtins.isList v then lib.genAttrs v (_: null) else v;
in
{
  type = types.submodule {
    options = {
      services = mkOption {
        type = types.attrsOf service;
        default = { };
        description = "Services. Beside the options below every key of the Compose specification is taken as it is.";
      };
      volumes = mkOption {
        type = namesOrAttrs;
        default = { };
        description = "Volumes, as names or with their keys. One is called `<composition>_<volume>`, as with khepri.";
      };
      networks = mkOption { type = namesOrAttrs; default = { }; description = "Networks, as names or with their keys."; };
    };
  };

  toProject = c: {
    settings = {
      services = lib.mapAttrs (_: renderService) (lib.filterAttrs (_: s: s.enable) c.services);
    } // lib.filterAttrs isSet {
      volumes = literal (asAttrs c.volumes);
      networks = literal (asAttrs c.networks);
    };
  };
}
