# Compositions in khepri's words. What Compose says of the files is in test_compositions.py.
let
  inherit (import ../world.nix) eval lib pkgs project rendered wrong;
  service = s: (rendered { compositions.c.services.app = { image = "a"; } // s; } "c").services.app;
  rest = s: removeAttrs (service s) [ "image" "restart" ];
in
{
  test_s3_1_a_composition_is_a_project = {
    expr =
      let p = project { compositions.web.services.app.image = "nginx"; } "web"; in {
        inherit (p) project_name;
        file = rendered { compositions.web.services.app.image = "nginx"; } "web";
      };
    expected = {
      project_name = "web";
      file = { name = "web"; services.app = { image = "nginx"; restart = "no"; }; };
    };
  };
  test_s3_1_all_of_khepris_options = {
    expr = (rendered (import ../khepri.nix { inherit pkgs; }).everything "all").services.app;
    expected = {
      image = "nginx:1.27";
      restart = "unless-stopped";
      environment = { A = "b"; };
      env_file = [ "/run/app.env" ];
      container_name = "app";
      volumes = [ "data:/data" ];
      command = [ "serve" "--port" "80" ];
      networks = [ "front" ];
      ports = [ "8080:80" ];
      depends_on = [ "db" ];
      devices = [ "/dev/null:/dev/x" ];
      cap_add = [ "NET_ADMIN" ];
      cap_drop = [ "MKNOD" ];
      extra_hosts = [ "a:127.0.0.1" ];
      labels.l = "1";
      entrypoint = "/init";
    };
  };
  test_s3_1_settings_of_the_project_beside_a_composition = {
    expr =
      let p = project { compositions.web.services.app.image = "nginx"; projects.web.health.timeoutSec = 60; } "web";
      in { inherit (p) health; files = lib.length p.compose_files; };
    expected = { health.timeout = "60s"; files = 1; };
  };
  test_s3_2_other_keys_pass_untouched = {
    expr = rest { shm_size = "64m"; x-later = { any = [ 1 2.5 null true ]; }; healthcheck.test = [ "CMD" "true" ]; };
    expected = { shm_size = "64m"; x-later = { any = [ 1 2.5 null true ]; }; healthcheck.test = [ "CMD" "true" ]; };
  };
  test_s3_2_words_of_later_khepri = {
    expr = rest { memory = "256m"; memoryReservation = "128m"; pidsLimit = 100; cpus = 1.5; healthcheck = { startPeriod = "5s"; startInterval = "2s"; }; };
    expected = { mem_limit = "256m"; mem_reservation = "128m"; pids_limit = 100; cpus = 1.5; healthcheck = { start_period = "5s"; start_interval = "2s"; }; };
  };
  test_s3_3_volumes_and_networks_as_names_or_attributes = {
    expr = map (v: removeAttrs (rendered { compositions.c = { services.app.image = "a"; volumes = v; networks = v; }; } "c") [ "services" "name" ])
      [ [ "x" ] { x = { }; } { x = { external = true; name = "y"; }; } [ ] ];
    expected = [
      { volumes.x = null; networks.x = null; }
      { volumes.x = { }; networks.x = { }; }
      { volumes.x = { external = true; name = "y"; }; networks.x = { external = true; name = "y"; }; }
      { }
    ];
  };
  test_s3_3_depends_on_long = {
    expr = rest { dependsOn.db.condition = "service_healthy"; };
    expected = { depends_on.db.condition = "service_healthy"; };
  };
  test_s3_3_restart_with_a_count = { expr = (service { restart = "on-failure:3"; }).restart; expected = "on-failure:3"; };
  test_s3_3_restart_of_nonsense_is_refused = {
    expr = (builtins.tryEval (service { restart = "sometimes"; }).restart).success;
    expected = false;
  };
  test_s3_4_dollars_of_compositions_arrive_as_they_are = {
    expr = rest { environment.P = "pa$$w$x"; cmd = [ "echo" "$HOME" ]; labels.l = "$"; };
    expected = { environment.P = "pa$$$$w$$x"; command = [ "echo" "$$HOME" ]; labels.l = "$$"; };
  };
  test_s3_4_settings_keep_composes_meaning = {
    expr = (rendered { projects.web.settings.services.app = { image = "a:\${TAG}"; command = "$$x"; }; } "web").services.app;
    expected = { image = "a:\${TAG}"; command = "$$x"; };
  };
  test_s3_5_a_disabled_service_goes_with_its_image = {
    expr =
      let
        settings.compositions.c.services = {
          app.image = "a";
          off = { enable = false; image = pkgs.dockerTools.streamLayeredImage { name = "off"; }; };
        };
        p = project settings "c";
      in
      { services = lib.attrNames (rendered settings "c").services; images = p ? images; };
    expected = { services = [ "app" ]; images = false; };
  };
  test_s3_5_two_modules_add_to_one_composition = {
    expr =
      let e = eval { compositions.c.services.a.image = "a"; } [{ services.managedDockerCompose.compositions.c.services.b.image = "b"; }];
      in lib.attrNames e.config.services.managedDockerCompose.projects.c.settings.services;
    expected = [ "a" "b" ];
  };
  test_s3_5_two_modules_add_to_one_service = {
    expr =
      let e = eval { projects.c.settings.services.a.environment.X = "1"; } [{ services.managedDockerCompose.projects.c.settings.services.a.environment.Y = "2"; }];
      in e.config.services.managedDockerCompose.projects.c.settings.services.a.environment;
    expected = { X = "1"; Y = "2"; };
  };
  test_s3_6_images_of_nix = {
    expr =
      let settings.compositions.c.services.app.image = pkgs.dockerTools.pullImage { imageName = "x"; finalImageName = "caddy"; finalImageTag = "2"; };
      in { inherit ((rendered settings "c").services.app) image pull_policy; ref = (builtins.head (project settings "c").images).ref; };
    expected = { image = "caddy:2"; pull_policy = "never"; ref = "caddy:2"; };
  };
  test_s3_6_volumes_keep_khepris_names = {
    expr = let f = rendered { compositions.nextcloud = { services.app.image = "a"; volumes.nc_data = { }; }; } "nextcloud"; in { inherit (f) name volumes; };
    expected = { name = "nextcloud"; volumes.nc_data = { }; };
  };
  test_s3_7_booleans_are_words = {
    expr = rest { environment = { T = true; F = false; N = 5; S = "s"; U = null; }; };
    expected = { environment = { T = "true"; F = "false"; N = "5"; S = "s"; U = null; }; };
  };
  test_s3_1_a_composition_and_a_file_of_one_name = {
    expr = wrong { compositions.c.services.app.image = "a"; projects.c.composeFile = ./s3.nix; };
    expected = [ "services.managedDockerCompose.projects.c: has both composeFile and settings (or a composition of this name): remove one; extraComposeFiles adds to a composeFile." ];
  };
}
