#!/bin/sh
# Installs the Compose v2 plugin on Debian 12, which itself carries only Compose v1. The package comes from the
# next Debian release, through whatever mirror this machine's apt already uses; apt's sources, lists and pins
# stay as they are, and nothing of that release but this one static program is installed.
#   sh tests/install-compose.sh [DIRECTORY]    default: /usr/local/lib/docker/cli-plugins
# Depends on: apt, dpkg-deb.
set -eu
target=${1:-/usr/local/lib/docker/cli-plugins}
suite=trixie
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

is_v2() {
	case $("$1" version --short 2>/dev/null || true) in
	2.* | v2.* | 3.* | v3.* | 4.* | v4.* | 5.* | v5.*) return 0 ;;
	esac
	return 1
}

for dir in "$target" "${HOME:-/root}/.docker/cli-plugins" /usr/local/lib/docker/cli-plugins \
	/usr/local/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/libexec/docker/cli-plugins; do
	if [ -x "$dir/docker-compose" ] && is_v2 "$dir/docker-compose"; then
		[ $# -eq 0 ] && exit 0
		[ "$dir" = "$target" ] && exit 0
	fi
done

# Where does this machine get Debian itself from?
# shellcheck source=/dev/null
. /etc/os-release
find_mirror() {
	# shellcheck disable=SC2016 # $(REPO_URI) is for apt
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
		"Codename: ${VERSION_CODENAME:-bookworm}" 'Component: main' 2>/dev/null | head -n 1
}
mirror=$(find_mirror)
if [ -z "$mirror" ]; then
	apt-get -q update
	mirror=$(find_mirror)
fi
if [ -z "$mirror" ]; then
	echo "install-compose.sh: apt knows no Debian mirror; install the Compose v2 plugin by hand into $target" >&2
	exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/tree"
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$work/sources.list"

# apt checks the index's signature and the package's digest; it only works in a directory of ours.
own_apt() {
	(cd "$work" && NEEDRESTART_SUSPEND=1 apt-get -q -o Dir::Etc::SourceList="$work/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::Lists="$work/lists" \
		-o Dir::Cache="$work/cache" -o APT::Sandbox::User=root \
		-o Acquire::Languages=none "$@")
}
if ! { own_apt update && own_apt download docker-compose; }; then
	echo "install-compose.sh: no docker-compose of $suite from $mirror; install the Compose v2 plugin by hand" >&2
	echo "install-compose.sh: into $target" >&2
	exit 1
fi
dpkg-deb -x "$work"/docker-compose_*.deb "$work/tree"
plugin=$(find "$work/tree" -type f -name docker-compose -path '*cli-plugins*' | head -n 1)
if [ -z "$plugin" ] || ! is_v2 "$plugin"; then
	echo "install-compose.sh: the package of $suite holds no Compose v2 plugin that runs here" >&2
	exit 1
fi
install -D -m 0755 "$plugin" "$target/docker-compose"
echo "Compose $("$target/docker-compose" version --short) is in $target"
