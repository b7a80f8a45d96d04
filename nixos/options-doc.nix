# The tables of options in docs/nixos.md, made from the options themselves; `sh nixos/options.sh` puts them there.
#   options-doc.nix { lib, options } -> text. Depends on lib only, as nixpkgs or tests/nixos has it.
{ lib, options }:
let
  inherit (builtins) isAttrs isString replaceStrings toJSON;

  # Options below a prefix, with those of submodules, as a list of { name, option }.
  walk = prefix: tree: lib.concatLists (lib.mapAttrsToList
    (n: o:
      let name = if prefix == "" then n else "${prefix}.${n}"; in
      if o._type or "" != "option" then walk name o
      else
        let below = lib.filterAttrs (s: _: s != "_module" && s != "_freeformOptions") (o.type.getSubOptions [ ]); in
        [{ inherit name; option = o; }]
        ++ (if below == { } then [ ] else walk (if lib.hasPrefix "attribute set" o.type.description then "${name}.<name>" else name) below))
    tree);

  cell = text: replaceStrings [ "\n" "|" ] [ " " "\\|" ] (trim text);
  trim = s: let m = builtins.match "(.*[^ \n])[ \n]*" s; in if m == null then s else builtins.head m;

  value = v:
    if isString v then toJSON v
    else if v == null then "null"
    else if v == [ ] then "[ ]"
    else if isAttrs v && v == { } then "{ }"
    else if builtins.isList v then "[ ${lib.concatStringsSep " " (map value v)} ]"
    else toJSON v;

  default = o:
    if o ? defaultText then (if isString o.defaultText then o.defaultText else o.defaultText.text)
    else if o.readOnly or false then "(read only)"
    else if o ? default then "`${value o.default}`"
    else "(required)";

  row = e: "| `${e.name}` | ${cell e.option.type.description} | ${cell (default e.option)} | ${cell e.option.description} |";

  table = entries: lib.concatStringsSep "\n" ([
    "| option | type | default | what it does |"
    "| --- | --- | --- | --- |"
  ] ++ map row entries) + "\n";

  all = walk "" options;
  below = head: lib.filter (e: lib.hasPrefix "${head}.<name>." e.name) all;
  short = head: map (e: e // { name = lib.removePrefix "${head}.<name>." e.name; }) (below head);
  host = lib.filter (e: !(lib.any (h: lib.hasPrefix "${h}.<name>." e.name) [ "projects" "compositions" ])) all;
in
''
  ### services.managedDockerCompose

  ${table host}
  ### services.managedDockerCompose.projects.NAME

  ${table (short "projects")}
  ### services.managedDockerCompose.compositions.NAME

  ${table (short "compositions")}''
