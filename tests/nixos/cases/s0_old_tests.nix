# The machines of nix-managed-docker-compose's own five tests: their configuration, unchanged, with this module in place of
# theirs. What they then do with an engine is tests/e2e's part.
let
  inherit (import ../world.nix) eval lib pkgs agentOf;
  image = name: {
    systemd.services.create-fake-docker-image = {
      before = [ "managed-docker-compose.service" ];
      requiredBy = [ "managed-docker-compose.service" ];
      serviceConfig = { Type = "oneshot"; ExecStart = "/bin/sh -c 'tar cv --files-from /dev/null | docker import - ${name}'"; };
    };
  };
  testApp = { enable = true; projects.testApp.composeFile = pkgs.writeText "compose.yml" "services: {}\n"; };
  docker = { virtualisation.oci-containers.backend = "docker"; };
  existing = {
    systemd.services.start-existing-docker-container = {
      after = [ "create-fake-docker-image.service" ];
      before = [ "managed-docker-compose.service" ];
      requiredBy = [ "managed-docker-compose.service" ];
      serviceConfig.Type = "oneshot";
    };
    environment.etc."docker-compose/old_app/compose.yaml".text = "services: {}\n";
  };
  substitutions = {
    projects.testApp = {
      composeFile = pkgs.writeText "compose.yml" "services: {}\n";
      substitutions.subbed = "test";
      substitutionsFromFiles.secret = "/etc/secretpassword";
    };
  };

  # What of each machine matters here.
  look = e: {
    inherit (e) wrong;
    inherit (agentOf e) engine;
    projects = lib.mapAttrs (_: p: p.project_name) (agentOf e).projects;
    before = lib.attrNames (lib.filterAttrs (_: u: lib.elem "managed-docker-compose.service" (u.before or [ ])) e.config.systemd.services);
    unit = e.config.systemd.services ? managed-docker-compose;
  };
  expected = engine: before: { wrong = [ ]; inherit engine before; projects.testapp = "testapp"; unit = true; };
in
{
  test_s0_8_old_test_docker = {
    expr = look (eval testApp [ (image "testimg") docker ]);
    expected = expected "docker" [ "create-fake-docker-image" ];
  };
  test_s0_8_old_test_podman = {
    expr = look (eval testApp [ (image "testimg") ]);
    expected = expected "podman" [ "create-fake-docker-image" ];
  };
  test_s0_8_old_test_deactivate_without_substitutions = {
    expr = look (eval testApp [ (image "testimg") docker existing ]);
    expected = expected "docker" [ "create-fake-docker-image" "start-existing-docker-container" ];
  };
  test_s0_8_old_test_deactivate_with_substitutions = {
    expr = look (eval substitutions [ (image "test-image") docker existing ]);
    expected = expected "docker" [ "create-fake-docker-image" "start-existing-docker-container" ];
  };
  test_s0_8_old_test_substitution = {
    expr =
      let p = (agentOf (eval substitutions [ (image "test-image") docker { environment.etc.secretpassword.text = "image"; } ])).projects.testapp;
      in { inherit (p) substitutions substitutions_from_files; };
    expected = { substitutions.subbed = "test"; substitutions_from_files.secret = "/etc/secretpassword"; };
  };
}
