# The systemd units: the daemon, a oneshot that waits for a deployment, and a user's daemon.
# The sandbox is that of data/mdc-agent.service.in; tests/nixos holds the two together.
{ config, lib, pkgs, cfg, backend, configFile }:
let
  agent = lib.getExe' cfg.package "mdc-agent";
  kill = lib.getExe' pkgs.coreutils "kill";
  engineUnits = if backend == "docker" then [ "docker.service" "docker.socket" ] else [ "podman.socket" ];
  flake = cfg.git.url != null && cfg.git.evaluator == "flake";

  path = lib.optional flake (config.nix.package or pkgs.nix)
    ++ lib.optionals flake [ pkgs.gitMinimal ]
    ++ lib.optional (config.boot.zfs.enabled or false) config.boot.zfs.package;
  environment = lib.optionalAttrs flake {
    NIX_REMOTE = "daemon";
    XDG_CACHE_HOME = "/var/cache/mdc-agent";
  };

  directories = {
    StateDirectory = "mdc-agent";
    StateDirectoryMode = "0700";
    RuntimeDirectory = "mdc-agent";
    RuntimeDirectoryMode = "0755";
    RuntimeDirectoryPreserve = "yes";
    UMask = "0077";
    LimitCORE = 0;
  } // lib.optionalAttrs flake { CacheDirectory = "mdc-agent"; CacheDirectoryMode = "0700"; };

  sandbox = {
    NoNewPrivileges = true;
    ProtectSystem = "full";
    PrivateTmp = true;
    ProtectKernelTunables = true;
    ProtectKernelModules = true;
    ProtectKernelLogs = true;
    ProtectControlGroups = true;
    ProtectHostname = true;
    RestrictNamespaces = true;
    RestrictRealtime = true;
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    RestrictAddressFamilies = [ "AF_UNIX" "AF_INET" "AF_INET6" "AF_NETLINK" ];
    SystemCallArchitectures = "native";
    SystemCallFilter = "~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @swap";
    SystemCallErrorNumber = "EPERM";
    CapabilityBoundingSet = [
      "~CAP_AUDIT_CONTROL CAP_BLOCK_SUSPEND CAP_BPF CAP_IPC_LOCK CAP_MAC_ADMIN CAP_MAC_OVERRIDE"
      "~CAP_NET_ADMIN CAP_NET_RAW CAP_PERFMON CAP_SYSLOG CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_PACCT"
      "~CAP_SYS_PTRACE CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_WAKE_ALARM"
    ];
  };
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
    serviceConfig = {
      Type = "notify";
      ExecStart = "${agent} run";
      ExecReload = "${kill} -HUP $MAINPID";
      Restart = "on-failure";
      RestartSec = 5;
      RestartPreventExitStatus = "2 3";
      WatchdogSec = 60;
      KillMode = "mixed";
      TimeoutStopSec = 120;
    } // directories // sandbox;
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
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = cfg.apply.onSwitch;
      # The daemon may have been quicker: the second command tells how it went.
      ExecStart = [ "${agent} sync" "${agent} status --check" ];
      TimeoutStartSec = "infinity"; # each step has a deadline of its own
    } // directories // sandbox;
  };

  user.services = lib.optionalAttrs cfg.rootless.enable {
    mdc-agent = {
      description = "Managed Docker Compose agent of this account";
      documentation = [ "man:mdc-agent(8)" ];
      wantedBy = [ "default.target" ];
      wants = [ "podman.socket" ];
      after = [ "podman.socket" ];
      unitConfig.ConditionPathExists = "%E/mdc-agent/agent.yaml";
      serviceConfig = {
        Type = "notify";
        ExecStart = "${agent} --config %E/mdc-agent/agent.yaml run";
        ExecReload = "${kill} -HUP $MAINPID";
        Restart = "on-failure";
        RestartSec = 5;
        RestartPreventExitStatus = "2 3";
        WatchdogSec = 60;
        KillMode = "mixed";
        TimeoutStopSec = 120;
        StateDirectory = "mdc-agent";
        StateDirectoryMode = "0700";
        RuntimeDirectory = "mdc-agent";
        RuntimeDirectoryPreserve = "yes";
        UMask = "0077";
        LimitCORE = 0;
        NoNewPrivileges = true;
      };
    };
  };
}
