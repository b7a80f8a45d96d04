#!/bin/sh
# Installs promtool on Debian 12: the one program of the package prometheus that the tests use, to read our metrics as
# Prometheus does. The package itself would bring a server and 100 MB.
#   sh tests/install-promtool.sh [DIRECTORY]    default: /usr/local/bin
# Quick when it is there. Depends on: apt, dpkg-deb.
set -eu
target=${1:-/usr/local/bin}
command -v promtool >/dev/null 2>&1 && exit 0
[ -x "$target/promtool" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
cd "$work"
# apt checks the package's digest against its signed index.
get() {
	apt-get -q -o APT::Sandbox::User=root download prometheus
}
get || {
	apt-get -q update
	get
}
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
mkdir -p "$target"
install -m 0755 usr/bin/promtool "$target/promtool"
