#!/bin/sh
# Installs on Debian 12 what building, running and testing need, through the machine's own apt set-up.
#   sh tests/install.sh            everything: build, engine, tests, checks
#   sh tests/install.sh --build    only what building and running need (docs/quickstart.sh uses this)
# Quick when all is there: then apt is not asked at all. To add a package: a word in one of the lists.
# Depends on: apt, dpkg; tests/install-compose.sh for Compose v2.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

build="ca-certificates gcc libc6-dev make cmake ninja-build pkg-config git
	libgit2-dev libyaml-dev libcurl4-openssl-dev libcjson-dev libsystemd-dev libssl-dev libssh2-1-dev
	docker.io iproute2 iptables busybox-static"
tests="clang clang-format clang-tidy cppcheck pmccabe libclang-rt-14-dev libcmocka-dev valgrind strace
	openssh-server openssh-client openssl docker-registry python3 python3-pytest python3-yaml
	jq man-db universal-ctags procps util-linux"

want=$build
[ "${1:-}" = --build ] || want="$build $tests"

missing=
for package in $want; do
	state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
	case $state in
	ii*) ;;
	*) missing="$missing $package" ;;
	esac
done

if [ -n "$missing" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "install.sh: needs root to install:$missing" >&2
		exit 1
	fi
	# needrestart would offer to restart a running dockerd, and with it every container.
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
	# An index of last week names files that are gone: always refresh before an install.
	apt-get -q update
	# shellcheck disable=SC2086 -- a list of words
	apt-get -q -y --no-install-recommends install $missing
fi
sh "$here/install-compose.sh"
