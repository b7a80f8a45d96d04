# From options to files: names, image references, compositions, Compose files as JSON, and what agent.yaml says of a project.
# Functions only; depends on lib and pkgs.writeText. To add a key of a project: an option in project.nix, a line in `agentProject`,
# and a case in tests/nixos.
{ lib, pkgs }:
let
  inherit (builtins) isAttrs isBool isList isPath isString;

  isValue = v: !(isAttrs v) || v ? outPath;

  # f on every leaf; derivations and paths count as leaves.
  mapLeaves = f: v:
    if isList v then map (mapLeaves f) v
    else if isValue v then f v
    else lib.mapAttrs (_: mapLeaves f) v;

  # Derivations and paths become text, which also makes them dependencies.
  plain = mapLeaves (v: if isAttrs v || isPath v then "${v}" else v);

  isEmpty = v: v == null || v == [ ] || v == { };
  compact = lib.filterAttrs (_: v: !isEmpty v);

  trimLeft = s:
    if lib.hasPrefix "-" s || lib.hasPrefix "_" s then trimLeft (builtins.substring 1 (builtins.stringLength s) s) else s;
in
rec {
  inherit compact;

  # As Compose makes a project's name of a directory's: lower case, only a-z, 0-9, - and _, beginning with a letter or digit.
  normaliseName = name:
    trimLeft (lib.concatStrings (lib.filter (c: builtins.match "[a-z0-9_-]" c != null)
      (lib.stringToCharacters (lib.toLower name))));

  # Both what the agent takes and what Compose takes.
  isName = name: builtins.match "[a-z0-9][a-z0-9_-]*" name != null && builtins.stringLength name <= 63;

  seconds = n: if n == null then null else "${toString n}s";

  # ---- images as derivations ----

  # pullImage knows its whole name; buildImage and streamLayeredImage may leave the tag to the store hash.
  imageRef = drv:
    if drv ? destNameTag then drv.destNameTag
    else if drv ? imageName then
      "${drv.imageName}:${if (drv.imageTag or "") != "" && drv.imageTag != null then drv.imageTag
        else builtins.head (lib.splitString "-" (baseNameOf drv.outPath))}"
    else throw ("services.managedDockerCompose: ${drv.name or "an image"} is a derivation, but no image of dockerTools: "
      + "it has neither imageName nor destNameTag");

  isStream = drv: drv.isExe or (drv ? stream);

  imagesOfSettings = settings:
    lib.mapAttrs (_: s: s.image)
      (lib.filterAttrs (_: s: isAttrs s && isAttrs (s.image or null)) (settings.services or { }));

  imagesOf = p: (if p.settings == null then { } else imagesOfSettings p.settings) // p.images;

  useImage = drv: { image = imageRef drv; pull_policy = "never"; };

  # ---- Compose files ----

  # A text that needs nothing built is written while evaluating, so that the evaluator `flake` has it without a build.
  storeFile = name: text:
    if lib.any (c: c ? outputs) (lib.attrValues (builtins.getContext text))
    then pkgs.writeText name text
    else builtins.toFile name text;

  # Compose reads JSON: it is YAML.
  renderedSettings = p:
    let images = imagesOf p;
    in plain (p.settings // {
      name = p.projectName;
      services = lib.mapAttrs (n: s: s // lib.optionalAttrs (images ? ${n}) (useImage images.${n}))
        (p.settings.services or { });
    });

  composeFiles = p:
    let
      main =
        if p.settings != null
        then storeFile "compose-${p.projectName}.json" (builtins.toJSON (renderedSettings p))
        else p.composeFile;
      override = storeFile "images-${p.projectName}.json"
        (builtins.toJSON { services = lib.mapAttrs (_: useImage) p.images; });
    in
    map (f: "${f}") ([ main ] ++ p.extraComposeFiles ++ lib.optional (p.settings == null && p.images != { }) override);

  # ---- agent.yaml ----

  agentHealth = h: compact {
    timeout = seconds h.timeoutSec;
    settle = seconds h.settleSec;
    http = h.http or null;
    units = h.units or null;
  };

  # The agent's names of drivers; the others are those of common scripts.
  driver = name: { tar = "copy"; hook = "command"; none = null; }.${name} or name;

  agentSnapshot = s: compact {
    volumes =
      if s.enable == false || s.driver == "none" then "none"
      else if isString (s.volumes or null) || isList (s.volumes or null) then s.volumes
      else if s.enable == true then "all" else null;
    paths = s.paths or null;
    driver = if s.driver == null then null else driver s.driver;
    quiesce = if s.quiesce != null then s.quiesce
      else if isBool s.stopFirst then (if s.stopFirst then "stop" else "pause") else null;
    restore = s.restore;
  };

  agentHook = h: if h == null then null else compact {
    inherit (h) service command;
    timeout = seconds h.timeoutSec;
  };

  agentImages = p: lib.mapAttrsToList
    (service: drv: { inherit service; ref = imageRef drv; path = "${drv}"; stream = isStream drv; }) (imagesOf p);

  agentProject = p: {
    project_name = p.projectName;
    compose_files = composeFiles p;
    inherit (p) pull;
    on_remove = p.onRemove;
    down_timeout = seconds p.downTimeoutSec;
  } // compact {
    inherit (p) after profiles substitutions;
    substitutions_from_files = lib.mapAttrs (_: toString) p.substitutionsFromFiles;
    env_files = p.environmentFiles;
    images = agentImages p;
    requires_mounts = p.requiresMounts;
    health = agentHealth p.health;
    snapshot = agentSnapshot p.snapshot;
    hooks = compact {
      before_snapshot = agentHook p.hooks.beforeSnapshot;
      after_snapshot = agentHook p.hooks.afterSnapshot;
    };
    host_nix_store = lib.optionalAttrs p.hostNixStore.enable ({
      read_only = p.hostNixStore.readOnly;
      nix_daemon = p.hostNixStore.nixDaemon;
    } // lib.optionalAttrs (p.hostNixStore.services != null) { inherit (p.hostNixStore) services; });
  } // lib.optionalAttrs p.adopt { adopt = true; }
    // lib.optionalAttrs p.suspend { suspend = true; };

  # The key of each project in agent.yaml is a name the agent takes; Compose's own name stands in project_name.
  agentProjects = projects:
    let key = n: normaliseName n; in
    lib.mapAttrs' (n: p: lib.nameValuePair (key n) (agentProject (p // { after = map key p.after; })))
      (lib.filterAttrs (_: p: p.enable) projects);
}
