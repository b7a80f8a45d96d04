# The systemd units: the daemon, a oneshot that waits for a deployment, one for secrets after a boot, and a user's daemon. What
# stands under [Service] is read from the unit files of other systems (data/*.service.in) and their drop-ins in data/unit, so
# that there is one sandbox; here are only places, order and triggers.
{ config, lib, pkgs, cfg, backend, configFile }:
let
  agent = lib.getExe' cfg.package "mdc-agent";
  kill = lib.getExe' pkgs.coreutils "kill";

  # [Service] of a unit file as an attribute set: key -> list of values.
  serviceOf = file:
    let
      lines = lib.splitString "\n" (lib.last (lib.splitString "[Service]" (lib.head (lib.splitString "[Install]" (builtins.readFile file)))));
      pairs = lib.filter (m: m != null) (map (builtins.match "([A-Z][A-Za-z]+)=(.*)") lines);
    in
    lib.foldl' (all: m: all // { ${lib.head m} = (all.${lib.head m} or [ ]) ++ [ (lib.last m) ]; }) { } pairs;

  # Drop-ins add to what is a list for systemd, and replace the rest.
  lists = [ "CapabilityBoundingSet" "SystemCallFilter" "LoadCredential" ];
  add = unit: dropIn: unit // lib.mapAttrs (n: v: if lib.elem n lists then (unit.${n} or [ ]) ++ v else v) dropIn;

  one = lib.mapAttrs (_: values: if lib.length values == 1 then lib.head values else values);

  # ---- which drop-ins this host needs ----
  projects = lib.attrValues (lib.filterAttrs (_: p: p.enable) cfg.projects);
  uses = driver: cfg.snapshots.driver == driver || lib.any (p: p.snapshot.driver == driver) projects;
  has = type: lib.any (f: f.fsType or "" == type) (lib.attrValues (config.fileSystems or { }));
  below = dir: path: path == dir || lib.hasPrefix "${dir}/" path;
  inHome = lib.any (p: lib.any (path: below "/home" path || below "/root" path) p.snapshot.paths) projects;
  dropIns = lib.optional (uses "btrfs" || cfg.snapshots.subvolumes || has "btrfs") ../data/unit/btrfs.conf
    ++ lib.optional inHome ../data/unit/home.conf
    ++ lib.optional (uses "zfs" || has "zfs") ../data/unit/zfs.conf;

  host = lib.foldl' add (serviceOf ../data/mdc-agent.service.in) (map serviceOf dropIns);

  # ---- what NixOS adds ----
  engineUnits = if backend == "docker" then [ "docker.service" "docker.socket" ] else [ "podman.socket" ];
  flake = cfg.git.url != null && cfg.git.evaluator == "flake";
  # The programs that check signatures, and those that decrypt.
  verify = cfg.extraConfig.verify or { };
  secrets = cfg.extraConfig.secrets or { };
  decrypt = lib.optionals (secrets ? age_key_file || secrets ? sops_env_file) [ pkgs.age pkgs.sops ];
  path = lib.optionals flake [ (config.nix.package or pkgs.nix) pkgs.gitMinimal ]
    ++ lib.optional (config.boot.zfs.enabled or false) config.boot.zfs.package
    ++ lib.optional (verify ? allowed_signers) pkgs.openssh
    ++ lib.optional (verify ? openpgp_keys) pkgs.gnupg
    ++ decrypt;
  environment = lib.optionalAttrs flake {
    NIX_REMOTE = "daemon";
    XDG_CACHE_HOME = "/var/cache/mdc-agent";
  };
  cache = lib.optionalAttrs flake { CacheDirectory = "mdc-agent"; CacheDirectoryMode = "0700"; };
  daemonOnly = [ "Type" "ExecStart" "ExecReload" "Restart" "RestartSec" "RestartPreventExitStatus" "WatchdogSec" "KillMode" ];
in
{
  services.managed-docker-compose = {
    description = "Managed Docker Compose agent";
    documentation = [ "man:mdc-agent(8)" "man:agent.yaml(5)" ];
    aliases = [ "mdc-agent.service" ];
    wantedBy = [ "multi-user.target" ];
    # Wants, not Requires: the agent must outlive the engine to be able to say that it is gone.
    wants = [ "network-online.target" ] ++ engineUnits;
    after = [ "network-online.target" ] ++ engineUnits;
    startLimitIntervalSec = 600;
    startLimitBurst = 6;
    inherit path environment;
    # Other projects or settings: a reload. Another agent: a restart, which leaves containers alone.
    reloadTriggers = [ configFile ];
    serviceConfig = one host // cache // {
      ExecStart = "${agent} run";
      ExecReload = "${kill} -HUP $MAINPID";
    };
  };

  # `systemctl start mdc-agent-apply` deploys what is configured now, waits for it, and fails if anything is not as it should be.
  services.mdc-agent-apply = {
    description = "Deploy the configured Compose projects and wait for them";
    documentation = [ "man:mdc-agent(8)" ];
    wantedBy = lib.optional cfg.apply.onSwitch "multi-user.target";
    wants = engineUnits;
    after = [ "network-online.target" "managed-docker-compose.service" ] ++ engineUnits;
    inherit path environment;
    restartTriggers = lib.optional cfg.apply.onSwitch configFile;
    serviceConfig = one (removeAttrs host daemonOnly) // cache // {
      Type = "oneshot";
      RemainAfterExit = cfg.apply.onSwitch;
      # The daemon may have been quicker: the second command tells how it went.
      ExecStart = [ "${agent} sync" "${agent} status --check" ];
      TimeoutStartSec = "infinity"; # each step has a deadline of its own
    };
  };

  # After a boot, decrypted files are in place before the engine starts the containers that mount them.
  services.mdc-agent-secrets = lib.mkIf (secrets != { }) {
    description = "Secrets of Managed Docker Compose projects";
    documentation = [ "man:mdc-agent(8)" "man:agent.yaml(5)" ];
    wantedBy = engineUnits;
    before = engineUnits ++ [ "managed-docker-compose.service" ];
    unitConfig.ConditionPathExists = "/var/lib/mdc-agent/version";
    path = decrypt;
    serviceConfig = one (serviceOf ../data/mdc-agent-secrets.service.in) // { ExecStart = "${agent} secrets"; };
  };

  user.services = lib.optionalAttrs cfg.rootless.enable {
    mdc-agent = {
      description = "Managed Docker Compose agent of this account";
      documentation = [ "man:mdc-agent(8)" "man:agent.yaml(5)" ];
      wantedBy = [ "default.target" ];
      wants = [ "podman.socket" "docker.service" ];
      after = [ "podman.socket" "docker.service" ];
      startLimitIntervalSec = 600;
      startLimitBurst = 6;
      unitConfig.ConditionPathExists = "%E/mdc-agent/agent.yaml";
      serviceConfig = one (serviceOf ../data/mdc-agent-user.service.in) // {
        ExecStart = "${agent} --config %E/mdc-agent/agent.yaml run";
        ExecReload = "${kill} -HUP $MAINPID";
      };
    };
  };
}
