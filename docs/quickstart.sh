#!/bin/sh
# A first look at mdc-agent on a Debian 12 machine, as root. Installs what is needed, builds, starts an engine if none runs,
# makes a small config repository, deploys it, pushes a good and a bad change, and shows what became of them.
#   sh docs/quickstart.sh           with a demo repository made here
#   sh docs/quickstart.sh URL       deploys that repository to this machine instead (https, ssh or file)
#   sh docs/quickstart.sh --clean   removes everything an earlier run made, except installed packages
# Everything is kept below MDC_QUICKSTART_DIR (default /var/tmp/mdc-quickstart); nothing of the system's is changed.
# Depends on: tests/install.sh, and the program's verbs init, sync, status, generations, show.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${MDC_QUICKSTART_DIR:-/var/tmp/mdc-quickstart}
build=$top/build/quickstart
config=$dir/agent.yaml
image=mdc-quickstart/hello
port=18980
DOCKER_HOST=${DOCKER_HOST:-}

bold= plain=
if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

say() {
	printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"
}

note() {
	printf '    %s\n' "$*"
}

fail() {
	printf 'quickstart: %s\n' "$*" >&2
	exit 1
}

# Show a command as a person would type it, then run it.
show() {
	printf '\n$ %s\n' "$(printf '%s' "$*" | sed "s|$build/||g; s|--config $config ||g")"
	"$@"
}

agent() {
	show "$build/mdc-agent" --config "$config" "$@"
}

usage() {
	sed -n '2,7s/^# \{0,1\}//p' "$0"
}

# ---- the engine --------------------------------------------------------------------------------

answers() {
	DOCKER_HOST=unix://$1 docker version >/dev/null 2>&1
}

find_engine() {
	for socket in "${DOCKER_HOST#unix://}" "$dir/docker.sock" /run/docker.sock /var/run/docker.sock; do
		if [ -S "$socket" ] && answers "$socket"; then
			export DOCKER_HOST="unix://$socket"
			return 0
		fi
	done
	return 1
}

start_engine() {
	mkdir -p "$dir/engine"
	# In a process group of its own, so that Ctrl-C here does not end it.
	setsid dockerd --data-root "$dir/engine/data" --exec-root "$dir/engine/exec" --pidfile "$dir/engine/pid" \
		-H "unix://$dir/docker.sock" >"$dir/engine/log" 2>&1 </dev/null &
	tries=0
	until answers "$dir/docker.sock"; do
		tries=$((tries + 1))
		[ "$tries" -lt 120 ] || fail "the engine did not start; its log is $dir/engine/log"
		sleep 0.5
	done
	export DOCKER_HOST="unix://$dir/docker.sock"
}

# ---- cleaning ----------------------------------------------------------------------------------

stop_engine() {
	[ -f "$dir/engine/pid" ] || return 0
	pid=$(cat "$dir/engine/pid")
	case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || true) in
	*"$dir/engine/"*) kill "$pid" ;;
	*) return 0 ;;
	esac
	tries=0
	while [ -d "/proc/$pid" ] && [ "$tries" -lt 60 ]; do
		tries=$((tries + 1))
		sleep 0.5
	done
}

clean() {
	say "Removing what the quickstart made"
	if find_engine; then
		for live in "$dir"/state/live/*/; do
			[ -d "$live" ] || continue
			project=$(basename "$live")
			# Data of a repository of yours is yours: only the demo's volumes go.
			volumes=
			[ ! -d "$dir/homelab" ] || volumes=--volumes
			note "project $project"
			docker compose -p "$project" down --timeout 1 --remove-orphans $volumes >/dev/null 2>&1 || true
		done
		for id in $(docker image ls -q --no-trunc "$image" | sort -u); do
			docker image rm -f "$id" >/dev/null 2>&1 || true
		done
	fi
	stop_engine
	grep -s " $dir/" /proc/mounts | cut -d ' ' -f 2 | sort -r | while read -r point; do
		umount -l "$point" || true
	done
	rm -rf "$dir"
	note "gone: $dir and the containers"
}

# ---- the demo ----------------------------------------------------------------------------------

# An image of one static program, made here: no registry is asked.
make_image() {
	root=$dir/rootfs
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/www" "$root/tmp"
	cp /bin/busybox "$root/bin/"
	for name in sh httpd wget date sleep cat; do
		ln -s busybox "$root/bin/$name"
	done
	printf 'Hello from version %s.\n' "$1" >"$root/www/index.html"
	tar -C "$root" -c . | docker import --change 'ENV PATH=/bin' \
		--change 'CMD ["httpd", "-f", "-p", "80", "-h", "/www"]' - "$image:$1" >/dev/null
	rm -rf "$root"
}

write_hello() {
	mkdir -p "$dir/homelab/hello"
	cat >"$dir/homelab/hello/compose.yaml" <<END
services:
  web:
    image: $image:$1
    ports: ["127.0.0.1:$port:80"]
    stop_grace_period: 1s
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:$2/"]
      interval: 1s
      retries: 3
END
}

write_clock() {
	mkdir -p "$dir/homelab/clock"
	cat >"$dir/homelab/clock/compose.yaml" <<END
services:
  clock:
    image: $image:1
    network_mode: none
    stop_grace_period: 1s
    command: ["sh", "-c", "while date > /data/now; do sleep 1; done"]
    volumes: ["ticks:/data"]
volumes:
  ticks: {}
END
}

homelab() {
	git -C "$dir/homelab" -c user.name=You -c user.email=you@example.org "$@"
}

push() {
	homelab add -A
	homelab commit -q -m "$1"
	note "git commit -m \"$1\" && git push"
	homelab push -q origin HEAD:main 2>&1 | sed 's/^/    /'
}

answer() {
	printf '\n$ wget -q -O - http://127.0.0.1:%s/\n' "$port"
	busybox wget -q -O - "http://127.0.0.1:$port/" || note "no answer"
}

# What init wrote, with everything below our directory and short times for a demo.
finish_settings() {
	cat >>"$config" <<END

# Added by the quickstart:
state_dir: $dir/state
runtime_dir: $dir/run
socket: ${DOCKER_HOST#unix://}
defaults:
  health: {timeout: 30s, settle: 2s}
END
}

demo() {
	say "Making a config repository: one directory for each Compose project"
	make_image 1
	make_image 2
	agent init --bare "$dir/homelab.git" >/dev/null
	finish_settings
	git init -q -b main "$dir/homelab"
	homelab remote add origin "$dir/homelab.git"
	write_hello 1 80
	write_clock
	note "A push wakes the agent when it runs as a service. Here it does not, so each push is followed by a sync by hand."
	push "Two projects: hello and clock"

	say "First deployment"
	agent sync
	answer

	say "A good change: hello moves to version 2"
	write_hello 2 80
	push "hello: version 2"
	agent sync
	answer

	say "A bad change: the health check of hello now asks a port that nobody serves"
	note "The agent tries it, sees it fail, and goes back by itself."
	write_hello 2 8080
	push "hello: a health check that cannot pass"
	code=0
	agent sync || code=$?
	note "exit status $code: 1 says that a deployment failed and went back"
	[ "$code" -eq 1 ] || fail "the bad change was expected to fail and to go back"
	answer

	say "How things stand"
	agent status
	agent generations
	busybox wget -q -O - "http://127.0.0.1:$port/" | grep -q 'version 2' ||
		fail "version 2 was expected to run again"
}

deploy_url() {
	say "Deploying $1 to this machine"
	if [ ! -f "$config" ]; then
		agent init --url "$1" --branch "${MDC_QUICKSTART_BRANCH:-main}" >/dev/null
		finish_settings
	fi
	note "settings: $config (credentials and the branch are set there)"
	agent plan
	code=0
	agent sync || code=$?
	agent status
	agent generations
	return "$code"
}

# ---- start -------------------------------------------------------------------------------------

url=
case ${1:-} in
--clean)
	[ "$(id -u)" -eq 0 ] || fail "run it as root"
	clean
	rm -rf "$build"
	exit 0
	;;
-h | --help)
	usage
	exit 0
	;;
-*)
	usage >&2
	exit 2
	;;
?*) url=$1 ;;
esac
[ "$(id -u)" -eq 0 ] || fail "run it as root: it installs packages and talks to the engine"
if [ -d "$dir/homelab" ]; then
	note "an earlier demo is here: starting afresh"
	clean
elif [ -f "$config" ] && { [ -z "$url" ] || ! grep -qF "\"$url\"" "$config"; }; then
	fail "an earlier run deployed another repository from here; first: sh docs/quickstart.sh --clean"
fi

say "Installing what is needed (apt)"
sh "$top/tests/install.sh" --build

say "Building mdc-agent in $build"
mkdir -p "$dir"
chmod 700 "$dir"
cmake -S "$top" -B "$build" -G Ninja -DMDC_TESTS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$dir/build.log" 2>&1 &&
	cmake --build "$build" >>"$dir/build.log" 2>&1 || {
	tail -n 40 "$dir/build.log"
	fail "the build failed"
}
show "$build/mdc-agent" version

say "Looking for a Docker engine"
if find_engine; then
	note "using the one at $DOCKER_HOST"
else
	note "none answers: starting one of our own below $dir"
	start_engine
fi

if [ -n "$url" ]; then
	deploy_url "$url"
else
	demo
fi

say "Done"
note "Look around:    $build/mdc-agent --config $config status"
note "Go back:        $build/mdc-agent --config $config rollback"
note "Let it watch:   $build/mdc-agent --config $config run"
[ -n "$url" ] || note "Change things:  edit files in $dir/homelab, commit, push, and sync again (or let it watch)"
note "Clean up:       sh docs/quickstart.sh --clean"
