#!/bin/sh
# A first look at mdc-agent on a Debian 12 machine or a privileged container, as root. Two to five minutes.
#
#   sh docs/quickstart.sh            make a demo repository with two projects, deploy it, push a good change and a bad
#                                    one, and show what became of them
#   sh docs/quickstart.sh URL        deploy that repository to this machine instead (https, ssh or file; or a directory)
#   sh docs/quickstart.sh --clean    remove everything an earlier run made
#   sh docs/quickstart.sh --help     print this
#
# It installs with apt what building and running need and is not here yet (see tests/install.sh), builds below
# build/quickstart, and starts a Docker engine of its own if none answers. All else is below one directory. Nothing else
# of the system's is changed: no unit, nothing in /etc/mdc-agent or /var/lib/mdc-agent. --clean removes the containers,
# networks, images, the engine, the directory and the build; installed packages stay, and it names them. It never removes
# volumes of a repository of yours, unless they are in the engine that this script started.
#
# Environment:
#   MDC_QUICKSTART_DIR      the directory; default /var/tmp/mdc-quickstart
#   MDC_QUICKSTART_PORT     where the demo answers, on 127.0.0.1; default 18980
#   MDC_QUICKSTART_BRANCH   the branch of URL that is followed; default main
#   DOCKER_HOST             unix://SOCKET of the engine to use; default: the one at /run/docker.sock
# Exit status: 0 done, 1 something failed, 2 wrong usage; with URL that of `mdc-agent sync`.
#
# Depends on: tests/install.sh, and the program's verbs init, plan, sync, status, generations.
# shellcheck disable=SC2317 # some functions are called only through trap and quietly
set -eu
export PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin" # `su` without `-` leaves these out
top=$(cd "$(dirname "$0")/.." && pwd)
dir=${MDC_QUICKSTART_DIR:-/var/tmp/mdc-quickstart}
port=${MDC_QUICKSTART_PORT:-18980}
build=$top/build/quickstart
config=$dir/agent.yaml
mark=$dir/.made-by-quickstart # says that the directory is ours to remove, and what it was made for
image=mdc-quickstart/hello
plugin=/usr/local/lib/docker/cli-plugins/docker-compose

# ---- words -------------------------------------------------------------------------------------

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
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

usage() {
	sed -n '2,/^# Exit status/s/^# \{0,1\}//p' "$0"
}

wrong_usage() {
	printf 'quickstart: %s\nquickstart: sh docs/quickstart.sh --help tells more\n' "$1" >&2
	exit 2
}

# A command as a person would type it.
typed() {
	printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
}

# The same, and run it. $dir/mdc-agent is the program just built, with our settings.
agent() {
	typed mdc-agent "$@"
	"$dir/mdc-agent" "$@"
}

# quietly LOG COMMAND...: its output goes to LOG, and is shown only if it fails.
quietly() {
	log=$1
	shift
	"$@" >"$log" 2>&1 && return 0
	code=$?
	tail -n 40 "$log" >&2
	printf '(the whole output: %s)\n' "$log" >&2
	return "$code"
}

finished=
at_exit() {
	code=$?
	if [ -z "$finished" ] && [ "$code" -ne 0 ] && [ -e "$mark" ]; then
		echo "quickstart: stopped before the end. What there is so far is in $dir;" >&2
		echo "  mend what is named above and start again, or remove it: sh docs/quickstart.sh --clean" >&2
	fi
}

# ---- our directory -----------------------------------------------------------------------------

check_dir() {
	case $dir in
	/*/*) ;;
	*) wrong_usage "MDC_QUICKSTART_DIR: $dir is no absolute path of a directory below another" ;;
	esac
	case $dir in
	*[!A-Za-z0-9/._-]* | */../* | */..) wrong_usage "MDC_QUICKSTART_DIR: $dir: letters, digits and ._- only" ;;
	esac
	[ ! -e "$dir" ] || [ -e "$mark" ] || [ -z "$(ls -A "$dir")" ] ||
		fail "$dir was not made by this script and is not empty: name another with MDC_QUICKSTART_DIR"
}

make_dir() {
	mkdir -p "$dir"
	chmod 700 "$dir"
	echo "${url:-demo}" >"$mark"
	cat >"$dir/mdc-agent" <<END
#!/bin/sh
exec $build/mdc-agent --config $config "\$@"
END
	chmod 755 "$dir/mdc-agent"
}

# ---- installing and building -------------------------------------------------------------------

install_needed() {
	say "Installing what is needed and not here yet"
	missing=$(sh "$top/tests/install.sh" --build --missing)
	if [ -n "$missing" ]; then
		note "with apt, which takes a minute or two:"
		echo "$missing" | fold -s -w 100 | sed 's/^/      /'
		echo "$missing" >>"$dir/packages"
	else
		note "all there"
	fi
	had_plugin=$([ ! -e "$plugin" ] || echo yes)
	quietly "$dir/install.log" sh "$top/tests/install.sh" --build || fail "installing failed"
	if [ -z "$had_plugin" ] && [ -e "$plugin" ]; then
		note "the Compose v2 plugin came from the next Debian release: $plugin"
		echo "$plugin" >"$dir/plugin"
	fi
}

compile() {
	cmake -S "$top" -B "$build" -G Ninja -DMDC_TESTS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
		cmake --build "$build"
}

build_it() {
	say "Building mdc-agent in $build"
	quietly "$dir/build.log" compile || fail "the build failed"
	note "In what follows, \`mdc-agent\` is $dir/mdc-agent:"
	note "the program just built, with the settings file $config"
	agent version
}

command_line() {
	{ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
}

# One that ended and has no parent that asks for it (as in a container) is not alive.
alive() {
	case $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) in
	'' | Z | X) return 1 ;;
	esac
}

# ---- the engine --------------------------------------------------------------------------------

answers() {
	[ -S "$1" ] && DOCKER_HOST=unix://$1 docker version >/dev/null 2>&1
}

# Sets $socket to that of a living engine: the one of an earlier run, or one that is here.
find_engine() {
	if [ -s "$dir/socket" ]; then
		socket=$(cat "$dir/socket")
		answers "$socket"
		return
	fi
	case ${DOCKER_HOST:-} in
	"unix://$dir/"*) ;; # of an earlier run
	unix://*)
		socket=${DOCKER_HOST#unix://}
		answers "$socket" || fail "no engine answers at DOCKER_HOST=$DOCKER_HOST"
		return 0
		;;
	?*) note "DOCKER_HOST=$DOCKER_HOST is not used: the agent needs a socket of this machine" ;;
	esac
	for socket in /run/docker.sock /var/run/docker.sock; do
		! answers "$socket" || return 0
	done
	return 1
}

# What a dockerd leaves on a machine when it ends: noted before it starts, undone by --clean.
note_traces() {
	for made in /etc/docker/key.json /etc/docker /run/docker /run/containerd; do
		[ -e "$made" ] || echo "$made"
	done >"$dir/engine/traces"
	if ! iptables -n -L DOCKER >/dev/null 2>&1 && ! ip link show docker0 >/dev/null 2>&1; then
		{
			iptables -S FORWARD 2>/dev/null | head -n 1
			cat /proc/sys/net/ipv4/ip_forward
		} >"$dir/engine/network"
	fi
}

# The demo needs no network but its own, so there the firewall and the forwarding of this machine stay as they are.
start_engine() {
	set --
	[ "$(cat "$mark")" != demo ] || set -- --bridge=none --iptables=false --ip-forward=false --ip-masq=false
	mkdir -p "$dir/engine"
	[ -e "$dir/engine/traces" ] || note_traces
	socket=$dir/docker.sock
	echo "$socket" >"$dir/socket"
	echo '{}' >"$dir/engine/daemon.json"
	# What a killed engine left would be taken for a running one.
	for file in "$dir/engine/pid" "$dir/engine/exec/containerd/containerd.pid"; do
		[ ! -e "$file" ] || alive "$(cat "$file")" || rm "$file"
	done
	# In a session of its own, so that Ctrl-C here does not end it.
	setsid dockerd --config-file "$dir/engine/daemon.json" --data-root "$dir/engine/data" \
		--exec-root "$dir/engine/exec" --pidfile "$dir/engine/pid" -H "unix://$socket" "$@" \
		>"$dir/engine/log" 2>&1 </dev/null &
	tries=0
	until answers "$socket"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 120 ] || ! alive $!; then
			tail -n 5 "$dir/engine/log" >&2
			fail "the engine did not start; its log is $dir/engine/log (a container has to be privileged)"
		fi
		sleep 0.5
	done
}

need_engine() {
	say "Looking for a Docker engine"
	if find_engine; then
		note "using the one at $socket"
	elif [ -s "$dir/socket" ] && [ "$socket" != "$dir/docker.sock" ]; then
		fail "the engine of the earlier run, $socket, does not answer: start it, or --clean"
	else
		note "none answers: starting one below $dir/engine"
		start_engine
	fi
	echo "$socket" >"$dir/socket"
	export DOCKER_HOST="unix://$socket"
}

# ---- cleaning ----------------------------------------------------------------------------------

# A project is ours if our state records it and no container of that name comes from elsewhere.
ours() {
	[ -e "$dir/state/projects/$1/active.json" ] || [ -e "$dir/state/projects/$1/intent.json" ] || return 1
	for id in $(docker ps -a -q --filter "label=com.docker.compose.project=$1"); do
		case $(docker inspect -f '{{index .Config.Labels "com.docker.compose.project.working_dir"}}' "$id") in
		"$dir"/state/*) ;;
		*) return 1 ;;
		esac
	done
}

remove_projects() {
	volumes=
	[ "$(cat "$mark")" != demo ] || volumes=--volumes
	for live in "$dir"/state/live/*/; do
		[ -d "$live" ] || continue
		project=$(basename "$live")
		if ours "$project"; then
			note "project $project: containers${volumes:+, volumes} and networks"
			# shellcheck disable=SC2086 # a word or none
			quietly "$dir/down.log" docker compose -p "$project" down --timeout 1 --remove-orphans $volumes ||
				note "this went wrong; look at: docker ps -a --filter label=com.docker.compose.project=$project"
		fi
	done
	for id in $(docker image ls -q --no-trunc "$image" | sort -u); do
		docker image rm -f "$id" >/dev/null || note "the image $id could not be removed"
	done
	# The tags under which our agent kept images for going back; another agent may keep the same ones.
	[ -e /var/lib/mdc-agent/current ] || docker image ls --format '{{.Tag}}' mdc-keep | while read -r tag; do
		if grep -r -q "$tag" "$dir/state"; then
			docker image rm "mdc-keep:$tag" >/dev/null || note "the image mdc-keep:$tag could not be removed"
		fi
	done
}

# End a process and wait for it.
stop() {
	kill "$1" 2>/dev/null || return 0
	tries=0
	while alive "$1" && [ "$tries" -lt 120 ]; do
		tries=$((tries + 1))
		sleep 0.5
	done
}

# with_words GLOB: the living processes whose command line matches.
with_words() {
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		# shellcheck disable=SC2254 # a pattern
		case $(command_line "$pid") in
		$1) ! alive "$pid" || echo "$pid" ;;
		esac
	done
}

stop_all() {
	for pid in $(with_words "$1"); do
		stop "$pid"
	done
}

# The rules and chains that mention docker, in one table of one of iptables and ip6tables.
remove_rules() {
	$1 -t "$2" -S 2>/dev/null | grep -E '^-A.*(DOCKER|docker0)' | sed 's/^-A/-D/' | while read -r rule; do
		# shellcheck disable=SC2086 # a rule is many words
		$1 -t "$2" $rule || true
	done
	$1 -t "$2" -S 2>/dev/null | sed -n 's/^-N \(DOCKER.*\)/\1/p' | while read -r chain; do
		$1 -t "$2" -X "$chain" || true
	done
}

undo_traces() {
	# Another dockerd uses the same chains and directories by now: then they are its own.
	[ -z "$(with_words 'dockerd *')$(with_words '/usr/*bin/dockerd *')" ] || return 0
	if [ -s "$dir/engine/network" ] && ip link show docker0 >/dev/null 2>&1; then
		ip link delete docker0
		for program in iptables ip6tables; do
			remove_rules "$program" filter
			remove_rules "$program" nat
		done
		# shellcheck disable=SC2046 # "-P FORWARD ACCEPT"
		iptables $(sed -n 1p "$dir/engine/network") || true
		sed -n 2p "$dir/engine/network" >/proc/sys/net/ipv4/ip_forward
	fi
	while read -r made; do
		case $made in
		*.json) rm -f "$made" ;;
		*) find "$made" -depth -type d -empty -delete 2>/dev/null || true ;;
		esac
	done <"$dir/engine/traces"
}

remove_engine() {
	[ -d "$dir/engine" ] || return 0
	note "the engine that an earlier run started"
	stop_all "dockerd --config-file $dir/engine/*"
	sed -n "s|^[^ ]* \($dir/[^ ]*\) .*|\1|p" /proc/mounts | sort -r | while read -r point; do
		umount -l "$point" || true
	done
	[ ! -e "$dir/engine/traces" ] || undo_traces
}

clean() {
	say "Removing what an earlier run made"
	if [ ! -e "$mark" ]; then
		note "nothing of one in $dir"
		return 0
	fi
	if [ -s "$dir/socket" ]; then
		stop_all "$build/mdc-agent*--config $config *" # a daemon, or a sync at work
		# An engine of ours may have gone with a reboot or a kill, its containers not.
		if find_engine || { [ -d "$dir/engine" ] && (start_engine) && find_engine; }; then
			export DOCKER_HOST="unix://$socket"
			remove_projects
		elif [ -n "$(with_words "*containerd-shim*$dir/engine/*")" ]; then
			fail "the engine below $dir/engine was killed and does not start again, its containers live: reboot, then --clean"
		else
			note "the engine at $socket does not answer: if it has containers of ours, they stay"
		fi
		remove_engine
	fi
	[ ! -e "$dir/packages" ] || packages="$packages$(tr '\n' ' ' <"$dir/packages")"
	[ ! -e "$dir/plugin" ] || had=$plugin
	rm -rf "$dir"
	note "$dir"
}

clean_all() {
	packages='' had=''
	clean
	[ ! -d "$build" ] || note "$build"
	rm -rf "$build"
	rmdir "$top/build" 2>/dev/null || true
	if [ -n "$packages" ]; then
		say "What was installed stays; this removes it too:"
		echo "apt-get purge --autoremove ${packages% }" | fold -s -w 100 | sed 's/ $/ \\/; s/^/    /'
		[ -z "$had" ] || note "rm $had"
	fi
}

# ---- the demo ----------------------------------------------------------------------------------

# An image of one program, made here: no registry is asked.
make_image() {
	root=$dir/rootfs
	busybox=$(command -v busybox)
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/www" "$root/tmp"
	cp "$busybox" "$root/bin/busybox"
	for name in sh httpd wget date sleep; do
		ln -s busybox "$root/bin/$name"
	done
	# None if it is static.
	for library in $(ldd "$busybox" 2>/dev/null | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p'); do
		mkdir -p "$root$(dirname "$library")"
		cp -L "$library" "$root$library"
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

# Nobody's settings of git apply here.
homelab() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null \
		git -C "$dir/homelab" "$@"
}

# Commit, show what is new, and push. The repository's hook finds no daemon to wake, and says so each time: left out.
push() {
	homelab add -A
	homelab commit -q -m "$1"
	typed "git add . && git commit -m \"$1\""
	homelab show --format= --unified=0 --no-color HEAD | sed -n 's|^+++ b/\(.*\)|\1:|p; /^[-+][^-+]/p' | sed 's/^/    /'
	typed git push
	quietly "$dir/push.log" homelab push -q -u origin main
}

# answer TEXT: what the service says has to hold TEXT.
answer() {
	typed wget -q -O - "http://127.0.0.1:$port/"
	text=$(busybox wget -q -O - "http://127.0.0.1:$port/" 2>&1) || true
	echo "$text"
	case $text in
	*"$1"*) ;;
	*) fail "expected was an answer with \"$1\"" ;;
	esac
}

# What init wrote, with everything below our directory; $1: further lines.
finish_settings() {
	cat >>"$config" <<END

# Added by the quickstart:
state_dir: $dir/state
runtime_dir: $dir/run
socket: $socket
$1
END
}

demo() {
	say "Making a config repository: one directory for each Compose project"
	make_image 1
	make_image 2
	typed mdc-agent init --bare "$dir/homelab.git"
	quietly "$dir/init.log" "$dir/mdc-agent" init --bare "$dir/homelab.git"
	finish_settings 'defaults: {health: {timeout: 30s, settle: 2s}}'
	note "This made a bare repository to push to, and $config."
	mkdir "$dir/homelab"
	homelab init -q -b main
	homelab config user.name You
	homelab config user.email you@example.org
	homelab remote add origin "$dir/homelab.git"
	write_hello 1 80
	write_clock
	push "Two projects: hello and clock"

	say "First deployment"
	note "The daemon (mdc-agent run) would deploy each push by itself. None runs here, so we say when:"
	agent sync
	answer 'version 1'

	say "A good change: hello moves to version 2"
	write_hello 2 80
	push "hello: version 2"
	agent sync
	answer 'version 2'

	say "A bad change: the health check of hello now asks a port that nobody serves"
	write_hello 2 8080
	push "hello: a health check that cannot pass"
	note "The agent tries it, sees it fail, and goes back by itself; that takes some ten seconds."
	code=0
	agent sync || code=$?
	note "Exit status $code. 1 means: a deployment failed and went back."
	[ "$code" -eq 1 ] || fail "the bad change was expected to fail and to go back"
	note "Version 2 runs again, with the health check it had:"
	answer 'version 2'

	say "How things stand"
	agent status
	agent generations
}

# ---- a repository of yours ---------------------------------------------------------------------

deploy_url() {
	say "Deploying $url to this machine"
	if [ ! -e "$config" ]; then
		quietly "$dir/init.log" "$dir/mdc-agent" init --url "$url" --branch "${MDC_QUICKSTART_BRANCH:-main}" ||
			fail "this is no repository that the agent can follow"
		finish_settings ''
	fi
	note "Settings: $config. The branch, and what a private repository needs, are set there."
	[ ! -d "$dir/engine" ] || note "The engine is the quickstart's own: --clean removes it WITH its volumes."
	agent plan || fail "nothing was deployed; see above, mend it there or in $config, and start again"
	code=0
	agent sync || code=$?
	agent status || true
	agent generations || true
	[ "$code" -eq 0 ] || note "Exit status of the sync: $code (\`man mdc-agent\`, or: $dir/mdc-agent help)"
	return "$code"
}

# ---- start -------------------------------------------------------------------------------------

url=
[ $# -le 1 ] || wrong_usage "one argument at most"
case ${1-} in
-h | --help)
	usage
	exit 0
	;;
--clean) ;;
-*) wrong_usage "no such option: $1" ;;
?*)
	url=$1
	[ ! -d "$url" ] || url=file://$(cd "$url" && pwd)
	;;
esac
[ "$(id -u)" -eq 0 ] || fail "run it as root: it installs packages and talks to the engine"
check_dir
if [ "${1-}" = --clean ]; then
	clean_all
	exit 0
fi
command -v apt-get >/dev/null || fail "it installs with apt-get, as on Debian 12; elsewhere see docs/manual.md"
if [ -e "$mark" ] && [ "$(cat "$mark")" != "$url" ]; then
	if [ "$(cat "$mark")" != demo ] && [ -e "$dir/state/current" ]; then
		fail "an earlier run deployed $(cat "$mark"): sh docs/quickstart.sh --clean first"
	fi
	note "An earlier run was here: starting afresh."
	clean
fi
trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

make_dir
install_needed
build_it
need_engine
result=0
if [ -n "$url" ]; then
	deploy_url || result=$?
else
	demo
fi
finished=yes

say "$([ "$result" -ne 0 ] || echo "Done. ")To go on:"
note "Look around:    $dir/mdc-agent status"
note "Go back:        $dir/mdc-agent rollback"
note "Let it watch:   $dir/mdc-agent run"
[ -n "$url" ] || note "Change things:  edit files in $dir/homelab, commit, push"
note "Clean up:       sh docs/quickstart.sh --clean"
exit "$result"
