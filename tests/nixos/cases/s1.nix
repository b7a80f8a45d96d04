# compose2nix with a snapshot script: what the agent is told about data, mounts and names.
let
  inherit (import ../world.nix) agent project wrong;
  file = ./s1.nix;
  web = more: project { projects.web = { composeFile = file; } // more; } "web";
  defaults = settings: (agent settings [ ]).defaults.snapshot;
in
{
  test_s1_1_snapshots_are_on_and_stop_first = {
    expr = defaults { };
    expected = { volumes = "all"; driver = "auto"; quiesce = "stop"; restore = "auto"; };
  };
  test_s1_1_snapshots_of_the_host_can_be_set = {
    expr = defaults { snapshots = { driver = "tar"; stopFirst = false; }; rollback.restoreVolumes = "manual"; };
    expected = { volumes = "all"; driver = "copy"; quiesce = "pause"; restore = "manual"; };
  };
  test_s1_1_snapshots_off = {
    expr = map (s: (defaults { snapshots = s; }).volumes) [ { enable = false; } { driver = "none"; } ];
    expected = [ "none" "none" ];
  };
  test_s1_1_a_project_says_what_is_copied = {
    expr = (web {
      snapshot = { enable = true; volumes = [ "db" ]; paths = [ "/srv/web" ]; driver = "btrfs"; stopFirst = true; };
      hooks.beforeSnapshot = { service = "db"; command = [ "dump" ]; };
    });
    expected = (web { }) // {
      snapshot = { volumes = [ "db" ]; paths = [ "/srv/web" ]; driver = "btrfs"; quiesce = "stop"; };
      hooks.before_snapshot = { service = "db"; command = [ "dump" ]; timeout = "300s"; };
    };
  };
  test_s1_1_a_project_without_settings_of_its_own_leaves_all_to_the_host = {
    expr = (web { }) ? snapshot || (web { }) ? health;
    expected = false;
  };
  test_s1_1_a_project_can_be_left_out = {
    expr = (web { snapshot.enable = false; }).snapshot;
    expected = { volumes = "none"; };
  };
  test_s1_3_what_goes_back = {
    expr = (web { snapshot.restore = "never"; }).snapshot;
    expected = { restore = "never"; };
  };
  test_s1_4_how_many_are_kept = {
    expr = (agent { snapshots.keep = 7; generations.keep = 3; snapshots.directory = "/data/.snapshots"; } [ ]) ;
    expected = (agent { } [ ]) // { retention = { generations = 3; snapshots = 7; }; snapshots.dir = "/data/.snapshots"; };
  };
  test_s1_5_required_mounts = {
    expr = (web { requiresMounts = [ "/data" ]; }).requires_mounts;
    expected = [ "/data" ];
  };
  test_s1_5_a_mount_is_an_absolute_path = {
    expr = wrong { projects.web = { composeFile = file; requiresMounts = [ "data" ]; }; };
    expected = [ "services.managedDockerCompose.projects.web.requiresMounts: \"data\" is not an absolute path." ];
  };
  test_s1_6_the_name_of_compose2nix_is_kept = {
    expr = (web { projectName = "mealie_io"; }).project_name;
    expected = "mealie_io";
  };
}
