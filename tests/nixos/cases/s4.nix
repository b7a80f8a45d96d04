# The host's store in containers: what the agent is told.
let
  inherit (import ../world.nix) project;
  web = hostNixStore: (project { projects.web = { composeFile = ./s4.nix; inherit hostNixStore; }; } "web").host_nix_store or null;
in
{
  test_s4_1_off = { expr = web { }; expected = null; };
  test_s4_1_read_only_and_for_all_services = {
    expr = web { enable = true; };
    expected = { read_only = true; nix_daemon = false; };
  };
  test_s4_1_for_some_and_with_the_daemon = {
    expr = web { enable = true; services = [ "ci" ]; nixDaemon = true; readOnly = false; };
    expected = { read_only = false; nix_daemon = true; services = [ "ci" ]; };
  };
}
