# Git beside NixOS, the evaluator `flake`, and what is a reload.
let
  inherit (import ../world.nix) agent agentOf eval lib wrong;
  web = { composeFile = ./s5.nix; };
  git = { url = "https://git.example.org/homelab.git"; };
  unitOf = settings: (eval settings [ ]).config.systemd.services.managed-docker-compose;
  text = u: builtins.toJSON (removeAttrs u [ "reloadTriggers" ]);
in
{
  test_s5_1_projects_of_both = {
    expr = let a = agent { inherit git; projects.web = web; } [{ networking.hostName = "server1"; }]; in { inherit (a) host source; projects = lib.attrNames a.projects; };
    expected = {
      host = "server1";
      source = { url = "https://git.example.org/homelab.git"; branch = "main"; path = "."; poll = "60s"; };
      projects = [ "web" ];
    };
  };
  test_s5_1_all_of_git = {
    expr = (agent {
      git = git // {
        branch = "stable"; tag = "v*"; path = "hosts"; pollIntervalSec = 300; username = "u"; host = "h";
        sshKeyFile = "/run/k"; tokenFile = "/run/t"; knownHostsFile = "/run/h"; caFile = "/run/c";
      };
    } [ ]).source;
    expected = {
      url = "https://git.example.org/homelab.git"; branch = "stable"; tag = "v*"; path = "hosts"; poll = "300s"; username = "u";
      ssh_key_file = "/run/k"; token_file = "/run/t"; known_hosts_file = "/run/h"; ca_file = "/run/c";
    };
  };
  test_s5_1_without_git_there_is_no_source = {
    expr = let a = agent { } [ ]; in { source = a ? source; inherit (a) projects; };
    expected = { source = false; projects = { }; };
  };
  test_s5_1_a_project_may_come_after_one_of_the_repository = {
    expr = map (c: wrong ({ projects.web = web // { after = [ "traefik" ]; }; } // c)) [ { inherit git; } { } ];
    expected = [ [ ] [ "services.managedDockerCompose.projects.web.after: there is no project \"traefik\"; there are: web." ] ];
  };
  test_s5_2_the_evaluator_flake = {
    expr = let a = agent { git = git // { evaluator = "flake"; flakeAttribute = "hosts.a"; }; } [ ]; in { inherit (a.source) evaluator flake_attribute; };
    expected = { evaluator = "flake"; flake_attribute = "hosts.a"; };
  };
  test_s5_2_nix_is_within_reach_of_the_evaluator = {
    expr = map (u: { path = map (p: p.name) u.path; inherit (u) environment; })
      [ (unitOf { inherit git; }) (unitOf { git = git // { evaluator = "flake"; }; }) ];
    expected = [
      { path = [ ]; environment = { }; }
      { path = [ "nix" "gitMinimal" ]; environment = { NIX_REMOTE = "daemon"; XDG_CACHE_HOME = "/var/cache/mdc-agent"; }; }
    ];
  };
  test_s5_2_the_flake_gives_what_nixos_writes = {
    expr = let e = eval { projects.web = web; } [ ]; in builtins.fromJSON (builtins.unsafeDiscardStringContext (builtins.toJSON e.projects));
    expected = { version = 1; inherit (agent { projects.web = web; } [ ]) projects; };
  };
  test_s5_2_a_mistake_stops_the_flake = {
    expr = (builtins.tryEval (eval { projects.web = { }; } [ ]).projects).success;
    expected = false;
  };
  test_s5_2_the_evaluator_needs_a_repository = {
    expr = wrong { git.evaluator = "flake"; };
    expected = [ "services.managedDockerCompose.git.evaluator: is \"flake\", but git.url is not set: set the repository that holds the flake." ];
  };
  test_s5_4_other_projects_are_a_reload = {
    expr =
      let a = unitOf { projects.web = web; }; b = unitOf { projects.web = web // { after = [ ]; pull = "always"; }; };
      in { restart = text a != text b; reload = a.reloadTriggers != b.reloadTriggers; };
    expected = { restart = false; reload = true; };
  };
  test_s5_4_the_same_projects_are_nothing = {
    expr = (unitOf { projects.web = web; }).reloadTriggers == (unitOf { projects.web = web; }).reloadTriggers;
    expected = true;
  };
  test_s5_4_another_agent_is_a_restart = {
    expr =
      let of = package: unitOf { inherit package; projects.web = web; }; pkgs = (import ../world.nix).pkgs;
      in { restart = text (of pkgs.openssl) != text (of pkgs.curl); reload = (of pkgs.openssl).reloadTriggers != (of pkgs.curl).reloadTriggers; };
    expected = { restart = true; reload = false; };
  };
  test_s5_4_a_switch_waits_only_where_it_is_asked_to = {
    expr = map
      (onSwitch: let u = (eval { apply = { inherit onSwitch; }; } [ ]).config.systemd.services.mdc-agent-apply; in {
        inherit (u) wantedBy; triggers = lib.length u.restartTriggers; })
      [ false true ];
    expected = [ { wantedBy = [ ]; triggers = 0; } { wantedBy = [ "multi-user.target" ]; triggers = 1; } ];
  };
}
