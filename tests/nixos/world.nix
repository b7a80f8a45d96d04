# What cases use: `agent settings modules` is agent.yaml as a value, `project` one project of it, `rendered` its Compose file;
# `eval` the whole evaluation, `agentOf` agent.yaml of one; `wrong` the messages of failed assertions, `evaluates` whether all
# of it can be evaluated.
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
  textOf = e: discard e.config.services.managedDockerCompose.configFile.text;
  agentOf = e: builtins.fromJSON (textOf e);
  agent = settings: modules: agentOf (eval settings modules);
  project = settings: name: (agent settings [ ]).projects.${name};
  wrong = settings: (eval settings [ ]).wrong;
  evaluates = settings: (builtins.tryEval (builtins.deepSeq (textOf (eval settings [ ])) true)).success;
  rendered = settings: name:
    let
      p = (eval settings [ ]).config.services.managedDockerCompose.projects.${name};
      render = import ../../nixos/render.nix { inherit lib pkgs; };
    in
    builtins.fromJSON (discard (builtins.toJSON (render.renderedSettings p)));
}
