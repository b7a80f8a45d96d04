# Images made by Nix, order with units of the host, one description for both engines.
let
  inherit (import ../world.nix) agent agentOf eval lib pkgs project rendered wrong;
  inherit (pkgs) dockerTools;
  layered = dockerTools.buildLayeredImage { name = "postgrest"; tag = "nix"; };
  stream = dockerTools.streamLayeredImage { name = "postgrest"; tag = "nix"; };
  pulled = dockerTools.pullImage { imageName = "docker-nginx"; finalImageName = "nginx"; finalImageTag = "1.27"; };
  untagged = dockerTools.buildImage { name = "tool"; };
  with_ = image: { projects.web.settings.services.app = { inherit image; environment.A = "b"; }; };
  image = i: builtins.head (project (with_ i) "web").images;
  hash = drv: builtins.head (lib.splitString "-" (baseNameOf (builtins.unsafeDiscardStringContext drv.outPath)));
in
{
  test_s2_1_a_tarball_and_a_stream = {
    expr = map (i: removeAttrs (image i) [ "path" ]) [ layered stream pulled ];
    expected = [
      { service = "app"; ref = "postgrest:nix"; stream = false; }
      { service = "app"; ref = "postgrest:nix"; stream = true; }
      { service = "app"; ref = "nginx:1.27"; stream = false; }
    ];
  };
  test_s2_1_the_compose_file_names_the_image_and_never_pulls_it = {
    expr = (rendered (with_ stream) "web").services.app;
    expected = { image = "postgrest:nix"; pull_policy = "never"; environment.A = "b"; };
  };
  test_s2_1_an_image_without_a_tag_has_its_store_hash = {
    expr = (image untagged).ref;
    expected = "tool:${hash untagged}";
  };
  test_s2_1_images_for_a_compose_file_come_as_one_more_file = {
    expr =
      let p = project { projects.web = { composeFile = ./s2.nix; images.app = stream; }; } "web"; in {
        files = map (f: builtins.head (builtins.match ".*[0-9a-z]{32}-(.*)" f)) p.compose_files;
        images = map (i: i.ref) p.images;
      };
    expected = { files = [ "s2.nix" "images-web.json" ]; images = [ "postgrest:nix" ]; };
  };
  test_s2_1_what_is_no_image_is_refused = {
    expr = (builtins.tryEval (builtins.deepSeq (image pkgs.openssl) true)).success;
    expected = false;
  };
  test_s2_1_an_image_for_a_service_that_is_not_there = {
    expr = wrong { projects.web = { settings.services.app.image = "x"; images.ap = stream; }; };
    expected = [ "services.managedDockerCompose.projects.web.images.ap: settings has no service \"ap\"." ];
  };
  test_s2_2_the_path_tells_two_images_of_one_name_apart = {
    expr =
      let two = map (c: (image (stream // { outPath = "${builtins.storeDir}/${c}-x"; })).path) [ "a" "b" ];
      in builtins.elemAt two 0 != builtins.elemAt two 1;
    expected = true;
  };
  test_s2_5_both_engines_get_the_same_projects = {
    expr =
      let of = backend: agent (with_ layered // { inherit backend; }) [ ]; drop = a: removeAttrs a [ "engine" "socket" ];
      in drop (of "docker") == drop (of "podman");
    expected = true;
  };
  test_s2_6_units_of_the_host_and_other_projects_come_first = {
    expr =
      let a = agent { projects = { dB.composeFile = ./s2.nix; web = { composeFile = ./s2.nix; after = [ "dB" ]; health.units = [ "container@db.service" ]; }; }; } [ ];
      in { inherit (a.projects.web) after health; };
    expected = { after = [ "db" ]; health.units = [ "container@db.service" ]; };
  };
  test_s2_7_inside_a_nixos_container = {
    expr =
      let
        inner = (eval { projects.web.composeFile = ./s2.nix; } [ ]);
        outer = lib.evalModules {
          modules = [
            { options.containers = lib.mkOption { type = lib.types.attrsOf (lib.types.submodule { options.config = lib.mkOption { type = lib.types.anything; }; }); }; }
            { containers.apps.config = { inherit (inner.config) systemd services; }; }
          ];
        };
      in lib.attrNames outer.config.containers.apps.config.systemd.services;
    expected = [ "managed-docker-compose" "mdc-agent-apply" ];
  };
}
