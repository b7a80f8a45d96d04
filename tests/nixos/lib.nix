# A small stand-in for nixpkgs' lib: the functions that nixos/ uses, with the same names and meanings, so that the module can
# be evaluated where no nixpkgs can be had. The module system itself is in modules.nix. To add one: a line here.
let
  inherit (builtins) attrNames concatMap elem elemAt filter foldl' genList head isAttrs isList isString length listToAttrs
    mapAttrs replaceStrings split stringLength substring;

  functions = rec {
    inherit (builtins) all any attrNames attrValues concatLists concatMap concatStringsSep elem filter foldl' head
      length listToAttrs mapAttrs replaceStrings tail;
    last = l: elemAt l (length l - 1);
    optional = c: v: if c then [ v ] else [ ];
    optionals = c: v: if c then v else [ ];
    optionalAttrs = c: v: if c then v else { };
    optionalString = c: v: if c then v else "";
    nameValuePair = name: value: { inherit name value; };
    filterAttrs = p: s: removeAttrs s (filter (n: !(p n s.${n})) (attrNames s));
    mapAttrsToList = f: s: map (n: f n s.${n}) (attrNames s);
    mapAttrs' = f: s: listToAttrs (mapAttrsToList f s);
    genAttrs = names: f: listToAttrs (map (n: nameValuePair n (f n)) names);
    concatStrings = concatStringsSep "";
    stringToCharacters = s: genList (i: substring i 1 s) (stringLength s);
    toLower = replaceStrings (stringToCharacters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (stringToCharacters "abcdefghijklmnopqrstuvwxyz");
    hasPrefix = p: s: substring 0 (stringLength p) s == p;
    removePrefix = p: s: if hasPrefix p s then substring (stringLength p) (stringLength s) s else s;
    escapeRegex = let special = stringToCharacters "\\[{()^$?*+|."; in replaceStrings special (map (c: "\\${c}") special);
    splitString = sep: s: filter isString (split (escapeRegex sep) s);
    flatten = x: if isList x then concatMap flatten x else [ x ];
    unique = foldl' (found: e: if elem e found then found else found ++ [ e ]) [ ];
    recursiveUpdate = a: b: a // mapAttrs
      (n: v: if isAttrs v && isAttrs (a.${n} or null) && !(v ? outPath) then recursiveUpdate a.${n} v else v)
      b;
    getExe' = package: name: "${package}/bin/${name}";
    literalExpression = text: { _type = "literalExpression"; inherit text; };
    cleanSource = path: path;
    licenses.mit = { spdxId = "MIT"; };
    platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
  };

  modules = import ./modules.nix lib;
  lib = functions // modules;
in
lib
