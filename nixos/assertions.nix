# What cannot work is refused while evaluating, with what to write instead.
{ lib, cfg, render }:
let
  at = n: "services.managedDockerCompose.projects.${n}";
  enabled = lib.filterAttrs (_: p: p.enable) cfg.projects;
  names = lib.mapAttrsToList;
  inStore = path: lib.hasPrefix builtins.storeDir (toString path);
  # Names that more than one project has, by what `nameOf` says.
  twice = nameOf: lib.filter (name: lib.length (lib.filter (n: nameOf n == name) (lib.attrNames enabled)) > 1)
    (lib.unique (map nameOf (lib.attrNames enabled)));
  who = nameOf: name: lib.concatStringsSep " and " (lib.filter (n: nameOf n == name) (lib.attrNames enabled));

  one = n: p: [
    {
      assertion = p.composeFile != null || p.settings != null;
      message = "${at n}: has no Compose file: set composeFile = ./compose.yaml; or write the file as settings = { services = ...; };";
    }
    {
      assertion = p.composeFile == null || p.settings == null;
      message = "${at n}: has both composeFile and settings (or a composition of this name): remove one; extraComposeFiles adds to a composeFile.";
    }
    {
      assertion = render.isName (render.normaliseName n);
      message = "${at n}: \"${n}\" cannot be a project's name: use a-z, 0-9, - and _, at most 63, beginning with a letter or digit.";
    }
    {
      assertion = render.isName p.projectName;
      message = "${at n}.projectName: \"${p.projectName}\" is no Compose project name; write for example \"${let s = render.normaliseName p.projectName; in if render.isName s then s else "web"}\".";
    }
  ]
  ++ map
    (key: {
      assertion = builtins.match "[^={}$\n]+" key != null;
      message = "${at n}: \"${key}\" cannot be substituted: a key is the name between \${ and }, without = { } $ and line breaks.";
    })
    (lib.attrNames (p.substitutions // p.substitutionsFromFiles))
  ++ names
    (key: path: {
      assertion = !inStore path;
      message = "${at n}.substitutionsFromFiles.${key}: ${toString path} is in the Nix store, where everybody can read it; "
        + "write the path of a file of the host in quotes, such as \"/run/secrets/${key}\".";
    })
    p.substitutionsFromFiles
  ++ map
    (a: {
      assertion = a != n && (enabled ? ${a} || (cfg.git.url != null && !(cfg.projects ? ${a})));
      message =
        if a == n then "${at n}.after: names the project itself; remove it."
        else if cfg.projects ? ${a} then "${at n}.after: the project \"${a}\" has enable = false; enable it or remove it from after."
        else "${at n}.after: there is no project \"${a}\"; there are: ${lib.concatStringsSep ", " (lib.attrNames enabled)}.";
    })
    p.after
  ++ map
    (s: {
      assertion = p.settings == null || (p.settings.services or { }) ? ${s};
      message = "${at n}.images.${s}: settings has no service \"${s}\".";
    })
    (lib.attrNames p.images)
  ++ map
    (path: {
      assertion = lib.hasPrefix "/" path;
      message = "${at n}.requiresMounts: \"${path}\" is not an absolute path.";
    })
    p.requiresMounts;

  duplicates = option: nameOf: map
    (name: {
      assertion = false;
      message = "services.managedDockerCompose.projects: ${who nameOf name} have the same ${option} \"${name}\": "
        + "they would replace each other's containers; give one another projectName.";
    })
    (twice nameOf);
in
lib.flatten (names one enabled)
++ duplicates "project name" (n: enabled.${n}.projectName)
++ duplicates "name for the agent" render.normaliseName
++ [
  {
    assertion = cfg.git.evaluator == "files" || cfg.git.url != null;
    message = "services.managedDockerCompose.git.evaluator: is \"flake\", but git.url is not set: set the repository that holds the flake.";
  }
  {
    assertion = cfg.webhook.secretFile == null || cfg.webhook.url != null;
    message = "services.managedDockerCompose.webhook.secretFile: is set, but webhook.url is not: set where events are to be sent.";
  }
]
++ map
  (option: {
    assertion = cfg.git.${option} == null || !inStore cfg.git.${option};
    message = "services.managedDockerCompose.git.${option}: is in the Nix store, where everybody can read it; write the path of a file of the host.";
  }) [ "sshKeyFile" "tokenFile" ]
