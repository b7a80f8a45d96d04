# The module system, as small as nixos/ needs it: options, priorities, mkIf and mkMerge, types with merging, submodules with
# free-form keys. Messages begin as those of nixpkgs do. To add a type: a line in `types`.
lib:
let
  inherit (builtins) attrNames concatLists concatMap elem filter foldl' functionArgs head intersectAttrs isAttrs isBool
    isFloat isFunction isInt isList isPath isString length map mapAttrs match removeAttrs substring tail toString;
  inherit (lib) concatStringsSep genAttrs last optional unique;

  kind = v: if isAttrs v then v._type or "" else "";
  isOption = o: kind o == "option";
  isDerivation = v: isAttrs v && v ? outPath;
  show = concatStringsSep ".";

  # ---- definitions: conditions, merges, priorities ----

  # Moves mkIf, mkMerge and mkOverride from around an attribute set to around its members.
  pushDown = c:
    if kind c == "merge" then concatMap pushDown c.contents
    else if kind c == "if" then map (mapAttrs (_: mkIf c.condition)) (pushDown c.content)
    else if kind c == "override" then map (mapAttrs (_: mkOverride c.priority)) (pushDown c.content)
    else [ c ];

  # The definitions that hold, of one option.
  discharge = d:
    if kind d == "merge" then concatMap discharge d.contents
    else if kind d == "if" then (if d.condition then discharge d.content else [ ])
    else [ d ];

  priority = d: if kind d == "override" then d.priority else 100;
  strongest = defs:
    let best = foldl' (least: d: if priority d < least then priority d else least) 10000 defs;
    in map (d: if kind d == "override" then d.content else d) (filter (d: priority d == best) defs);

  mergeDefinitions = loc: type: defs:
    let
      live = concatMap discharge (strongest (concatMap discharge defs));
      wrong = filter (d: !(type.check d)) live;
    in
    if live == [ ] then throw "The option `${show loc}' is used but not defined."
    else if wrong != [ ] then throw "A definition for option `${show loc}' is not of type `${type.description}'."
    else type.merge loc live;

  # ---- types ----

  conflict = loc: throw "The option `${show loc}' has conflicting definition values.";
  equal = loc: defs: if lib.all (d: d == head defs) (tail defs) then head defs else conflict loc;
  simple = description: check: { inherit description check; merge = equal; getSubOptions = _: { }; };

  types = rec {
    bool = simple "boolean" isBool;
    int = simple "signed integer" isInt;
    float = simple "floating point number" isFloat;
    str = simple "string" isString;
    package = simple "package" isDerivation;
    path = simple "absolute path"
      (v: (isString v || isPath v || isDerivation v) && substring 0 1 (toString v) == "/");
    ints = {
      positive = simple "positive integer, meaning >0" (v: isInt v && v > 0);
      unsigned = simple "unsigned integer, meaning >=0" (v: isInt v && v >= 0);
    };
    enum = values: simple "one of ${concatStringsSep ", " (map builtins.toJSON values)}" (v: elem v values);
    strMatching = re: simple "string matching the pattern ${re}" (v: isString v && match re v != null);
    anything = simple "anything" (_: true) // {
      merge = loc: defs:
        if length defs == 1 then head defs
        else if lib.all (d: isAttrs d && !(isDerivation d)) defs then (attrsOf anything).merge loc defs
        else equal loc defs;
    };
    nullOr = t: t // {
      description = "null or ${t.description}";
      check = v: v == null || t.check v;
      merge = loc: defs:
        if lib.all (d: d == null) defs then null
        else if elem null defs then conflict loc
        else t.merge loc defs;
    };
    listOf = t: t // {
      description = "list of ${t.description}";
      check = isList;
      merge = loc: defs: map (d: mergeDefinitions (loc ++ [ "*" ]) t [ d ]) (concatLists defs);
    };
    attrsOf = t: {
      description = "attribute set of ${t.description}";
      check = v: isAttrs v && !(isDerivation v);
      getSubOptions = t.getSubOptions;
      merge = loc: defs:
        let
          sets = concatMap pushDown defs;
          of = n: concatMap (s: optional (s ? ${n}) s.${n}) sets;
          names = filter (n: concatMap discharge (of n) != [ ]) (unique (concatMap attrNames sets));
        in
        genAttrs names (n: mergeDefinitions (loc ++ [ n ]) t (of n));
    };
    either = a: b: {
      description = "${a.description} or ${b.description}";
      check = v: a.check v || b.check v;
      getSubOptions = _: { };
      merge = loc: defs:
        if lib.all a.check defs then a.merge loc defs
        else if lib.all b.check defs then b.merge loc defs
        else conflict loc;
    };
    oneOf = ts: foldl' either (head ts) (tail ts);
    submodule = module: {
      description = "submodule";
      check = v: isAttrs v || isFunction v;
      getSubOptions = _: (evalModules { modules = [ module ]; specialArgs.name = "<name>"; }).options;
      merge = loc: defs: (evalModules {
        prefix = loc;
        modules = [ module ] ++ map (d: if isFunction d then d else { config = d; }) defs;
        specialArgs.name = last loc;
      }).config;
    };
  };

  # ---- modules ----

  # A module and what it imports, each as { options, config, freeformType }.
  collect = args: given:
    let
      file = if isPath given then import given else given;
      module = if isFunction file then file (intersectAttrs (functionArgs file) args // (if functionArgs file == { } then args else { })) else file;
      isFull = module ? config || module ? options || module ? freeformType;
      full =
        if kind module != "" then { config = module; }
        else if isFull then module
        else { config = removeAttrs module [ "imports" ]; };
    in
    concatMap (collect args) (module.imports or [ ])
    ++ [{ options = full.options or { }; config = full.config or { }; freeformType = full.freeformType or null; }];

  mergeOptions = a: b: a // mapAttrs (n: v: if a ? ${n} && !(isOption v) then mergeOptions a.${n} v else v) b;

  valueOf = loc: option: defs:
    if option.readOnly or false && length defs > 1
    then throw "The option `${show loc}' is read-only, but it's set multiple times."
    else mergeDefinitions loc (option.type or types.anything)
      (defs ++ optional (option ? default) (mkOverride 1500 option.default));

  tree = loc: freeform: options: configs:
    let
      of = n: concatMap (c: optional (c ? ${n}) c.${n}) configs;
      known = mapAttrs
        (n: o:
          if isOption o then valueOf (loc ++ [ n ]) o (of n)
          else tree (loc ++ [ n ]) null o (concatMap pushDown (of n)))
        options;
      unknown = filter (n: !(options ? ${n})) (unique (concatMap attrNames configs));
    in
    if unknown == [ ] then known
    else if freeform != null then freeform.merge loc (map (c: removeAttrs c (attrNames options)) configs) // known
    else throw "The option `${show (loc ++ [ (head unknown) ])}' does not exist.";

  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }:
    let
      args = { inherit lib config options; } // specialArgs;
      all = concatMap (collect args) modules;
      options = foldl' mergeOptions { } (map (m: m.options) all);
      freeform = foldl' (found: m: if m.freeformType != null then m.freeformType else found) null all;
      config = tree prefix freeform options (concatMap (m: pushDown m.config) all);
    in
    { inherit config options; };

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
in
{
  inherit types evalModules mkIf mkOverride;
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  mkOption = o: o // { _type = "option"; };
  mkEnableOption = what: { _type = "option"; type = types.bool; default = false; description = "Whether to enable ${what}."; };
}
