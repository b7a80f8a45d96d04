# What cases use: `agent settings modules` is agent.yaml as a value, `eval` the whole evaluation, `wrong` the messages of failed
# assertions, `evaluates` whether all of it can be evaluated.
let
  evaluate = import ./eval.nix;
  eval = settings: modules: evaluate ([{ services.managedDockerCompose = { enable = true; } // settings; }] ++ modules);
  discard = builtins.unsafeDiscardStringContext;
in
rec {
  inherit eval;
  inherit (evaluate [ ]) lib pkgs;
  inherit ((evaluate [ ]).options.services) managedDockerCompose;
  options = managedDockerCompose;
  agentText = settings: modules: discard (eval settings modules).config.services.managedDockerCompose.configFile.text;
  agent = settings: modules: builtins.fromJSON (agentText settings modules);
  wrong = settings: (eval settings [ ]).wrong;
  evaluates = settings: (builtins.tryEval (builtins.deepSeq (agentText settings [ ]) true)).success;
  # The n-th Compose file of a project that was rendered, as a value. builtins.toFile and writeText both keep the text.
  rendered = settings: name:
    let e = eval settings [ ];
    in builtins.fromJSON (discard (builtins.readFile (builtins.head e.config.services.managedDockerCompose.agentProjects.projects.${name}.compose_files)));
}
