#!/bin/sh
# Installs on Debian 12 what building, running and testing need, through the machine's own apt set-up.
#   sh tests/install.sh            everything: build, engine, tests, checks
#   sh tests/install.sh --build    only what building and running need (docs/quickstart.sh uses this)
#   ... --missing                  install nothing, print the names of the packages that would be installed
# Quick when all is there: then apt is not asked at all. An engine that is here already (Docker's own packages, say) is
# kept, and no package is removed. To add a package: a word in one of the lists.
# Depends on: apt, dpkg; tests/install-compose.sh for Compose v2.
set -eu
export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin" # `su` without `-` leaves these out
here=$(cd "$(dirname "$0")" && pwd)

build="ca-certificates gcc libc6-dev make cmake ninja-build pkg-config git
	libgit2-dev libyaml-dev libcurl4-openssl-dev libcjson-dev libsystemd-dev libssl-dev libssh2-1-dev libbtrfsutil-dev
	docker.io iproute2 iptables busybox-static"
tests="clang clang-format clang-tidy cppcheck pmccabe libclang-rt-14-dev libcmocka-dev valgrind strace
	age openssh-server openssh-client gpg gpg-agent openssl docker-registry python3 python3-pytest python3-yaml python3-pip
	nix-bin jq man-db universal-ctags procps util-linux spin
	podman netavark aardvark-dns uidmap slirp4netns fuse-overlayfs
	btrfs-progs xfsprogs e2fsprogs zfs-fuse acl attr libcap2-bin sqlite3
	postgresql-15 mariadb-server-core mariadb-client redis-server"

want="$build $tests" only_list=
for option in "$@"; do
	case $option in
	--build) want=$build ;;
	--missing) only_list=yes ;;
	*)
		sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
	esac
done

# Something else may do what a package is wanted for; installing the package would throw it out.
stands_in() {
	case $1 in
	docker.io) command -v dockerd && command -v docker ;;
	busybox-static) [ "$want" = "$build" ] && command -v busybox ;; # the tests need the static one
	*) return 1 ;;
	esac >/dev/null
}

missing=
for package in $want; do
	state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
	case $state in
	?i*) ;;
	*) stands_in "$package" || missing="$missing $package" ;;
	esac
done
if [ -n "$only_list" ]; then
	echo "${missing# }"
	exit 0
fi

apt_install() {
	# The lock may be held by the machine's own upgrades: wait for them.
	apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" || {
		echo "install.sh: apt could not install:$missing" >&2
		echo "install.sh: if it says that packages would have to be removed: they are yours, so this is left to you" >&2
		exit 1
	}
}

if [ -n "$missing" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "install.sh: needs root to install:$missing" >&2
		exit 1
	fi
	# needrestart would offer to restart a running dockerd, and with it every container.
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
	# An index of last week names files that are gone: always refresh before an install.
	apt-get -q update
	others=
	for package in $missing; do
		[ "$package" = busybox-static ] || others="$others $package"
	done
	# shellcheck disable=SC2086 # a list of words
	[ -z "$others" ] || apt_install install --no-remove $others
	# This one takes the place of the package busybox, which is the same program.
	[ "$others" = "$missing" ] || apt_install install busybox-static
fi
sh "$here/install-compose.sh"
[ "$want" = "$build" ] || sh "$here/install-promtool.sh"
[ "$want" = "$build" ] || sh "$here/install-python.sh"
