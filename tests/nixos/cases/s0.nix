# What nix-managed-docker-compose 0.6.0 promised, as far as it is decided while evaluating.
let
  inherit (import ../world.nix) agent eval evaluates lib options wrong;
  web = { composeFile = ./s0.nix; };
  fails = name: { projects.web = web; backend = name; };
  backendOf = host: ours: (agent ({ projects.web = web; } // ours) [ host ]).engine;
  oci = name: { virtualisation.oci-containers.backend = name; };
in
{
  test_s0_1_names_are_made_as_compose_makes_them = {
    expr = lib.mapAttrs (_: p: p.project_name) (agent { projects = { testApp = web; "_My.Web-1" = web; }; } [ ]).projects;
    expected = { testapp = "testapp"; myweb-1 = "myweb-1"; };
  };
  test_s0_8_old_options_have_their_names_and_defaults = {
    expr = {
      enable = options.enable.default;
      backend = options.backend.default;
      projects = options.projects.default;
      substitutions = (options.projects.type.getSubOptions [ ]).substitutions.default;
      substitutionsFromFiles = (options.projects.type.getSubOptions [ ]).substitutionsFromFiles.default;
    };
    expected = { enable = false; backend = "podman"; projects = { }; substitutions = { }; substitutionsFromFiles = { }; };
  };
  test_s0_8_an_old_configuration_gives_the_agents_settings = {
    expr =
      let
        p = (agent {
          backend = "docker";
          projects.web = web // { substitutions.port = "80"; substitutionsFromFiles.password = "/run/secrets/web"; };
        } [ ]).projects.web;
      in
      p // { compose_files = map (f: builtins.match ".*-s0.nix" f != null) p.compose_files; };
    expected = {
      project_name = "web";
      compose_files = [ true ];
      substitutions.port = "80";
      substitutions_from_files.password = "/run/secrets/web";
      pull = "missing";
      on_remove = "down";
      down_timeout = "120s";
    };
  };
  test_s0_8_the_unit_keeps_its_name = {
    expr =
      let unit = (eval { projects.web = web; } [ ]).config.systemd.services.managed-docker-compose;
      in { inherit (unit) aliases wantedBy; inherit (unit.serviceConfig) Type; };
    expected = { aliases = [ "mdc-agent.service" ]; wantedBy = [ "multi-user.target" ]; Type = "notify"; };
  };
  test_s0_8_the_projects_of_0_6_can_be_adopted = {
    expr = let p = (agent { projects.web = web // { projectName = "store"; adopt = true; }; } [ ]).projects.web; in { inherit (p) project_name adopt; };
    expected = { project_name = "store"; adopt = true; };
  };
  test_s0_9_the_backend_is_that_of_oci_containers = {
    expr = map (h: backendOf (oci h) { }) [ "docker" "podman" ];
    expected = [ "docker" "podman" ];
  };
  test_s0_9_an_empty_backend_means_the_same = {
    expr = map (h: backendOf (oci h) { backend = ""; }) [ "docker" "podman" ];
    expected = [ "docker" "podman" ];
  };
  test_s0_9_a_given_backend_goes_first = {
    expr = backendOf (oci "podman") { backend = "docker"; };
    expected = "docker";
  };
  test_s0_9_an_unknown_backend_is_an_error = {
    expr = map (b: evaluates (fails b)) [ "containerd" "docker" ];
    expected = [ false true ];
  };
  test_s0_9_the_engine_is_enabled_and_its_socket_used = {
    expr = map
      (b:
        let e = eval { projects.web = web; backend = b; } [ ]; a = agent { projects.web = web; backend = b; } [ ]; in
        { inherit (a) socket; docker = e.config.virtualisation.docker.enable; podman = e.config.virtualisation.podman.enable; }) [ "docker" "podman" ];
    expected = [
      { socket = "/run/docker.sock"; docker = true; podman = false; }
      { socket = "/run/podman/podman.sock"; docker = false; podman = true; }
    ];
  };
  test_s0_4_remove_unmanaged_is_off_unless_asked_for = {
    expr = map (c: (agent ({ projects.web = web; } // c) [ ]).remove_unmanaged or false) [ { } { removeUnmanaged = true; } ];
    expected = [ false true ];
  };
  test_s0_3_down_has_the_time_that_0_6_gave = {
    expr = (agent { projects.web = web; } [ ]).projects.web.down_timeout;
    expected = "120s";
  };
  test_s0_5_the_name_does_not_depend_on_the_text = {
    expr =
      let of = value: (agent { projects.web = web // { substitutions.key = value; }; } [ ]).projects.web;
      in map (v: (of v).project_name) [ "a" "b" ];
    expected = [ "web" "web" ];
  };
  test_s0_7_a_key_that_cannot_be_substituted_is_refused = {
    expr = map (k: wrong { projects.web = web // { substitutions.${k} = "x"; }; } == [ ]) [ "a}b" "a=b" "$a" "a.b-c_D" ];
    expected = [ false false false true ];
  };
  test_s0_7_a_secret_in_the_store_is_refused = {
    expr = map (f: wrong { projects.web = web // { substitutionsFromFiles.password = f; }; } == [ ]) [ "${./s0.nix}" "/run/secrets/x" ];
    expected = [ false true ];
  };
}
