/*
 * Tests of agent/model/places: where things are for root and for a user.
 */
#include "agent/model/places.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { SOMEBODY = 4711 };

/* As somebody else than root, who the tests mostly run as. */
static int be_somebody(void **state)
{
	(void)state;
	return geteuid() == 0 ? seteuid(SOMEBODY) : 0;
}

static int be_again(void **state)
{
	(void)state;
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("XDG_STATE_HOME");
	(void)unsetenv("XDG_RUNTIME_DIR");
	return geteuid() == getuid() ? 0 : seteuid(getuid());
}

static void same(char *got, const char *want)
{
	auto_free char *owned = got;

	assert_string_equal(owned, want);
}

static void root_has_the_systems(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	(void)setenv("XDG_STATE_HOME", "/x", 1);
	assert_false(place_is_user());
	same(place_settings(), "/etc/mdc-agent/agent.yaml");
	same(place_state("/tmp/agent.yaml"), "/var/lib/mdc-agent");
	same(place_runtime("/tmp/agent.yaml"), "/run/mdc-agent");
}

static void a_user_has_their_own(void **state)
{
	(void)state;
	(void)setenv("HOME", "/accounts/me", 1);
	assert_true(place_is_user());
	if (!file_exists("/etc/mdc-agent/agent.yaml"))
		same(place_settings(), "/accounts/me/.config/mdc-agent/agent.yaml");
	same(place_settings_dir(), "/accounts/me/.config/mdc-agent");
	same(place_state("/accounts/me/.config/mdc-agent/agent.yaml"),
	     "/accounts/me/.local/state/mdc-agent");
	auto_free char *run = xasprintf("/run/user/%d/mdc-agent", (int)geteuid());

	same(place_runtime("/tmp/agent.yaml"), run);
	/* Whoever looks at the system's agent looks at the system's state. */
	same(place_state("/etc/mdc-agent/agent.yaml"), "/var/lib/mdc-agent");
	same(place_runtime("/etc/mdc-agent/agent.yaml"), "/run/mdc-agent");
}

static void the_specification_counts(void **state)
{
	(void)state;
	(void)setenv("HOME", "/accounts/me", 1);
	(void)setenv("XDG_CONFIG_HOME", "/c", 1);
	(void)setenv("XDG_STATE_HOME", "/s", 1);
	(void)setenv("XDG_RUNTIME_DIR", "/r", 1);
	same(place_settings_dir(), "/c/mdc-agent");
	same(place_state("/x"), "/s/mdc-agent");
	same(place_runtime("/x"), "/r/mdc-agent");
	(void)setenv("XDG_STATE_HOME", "relative", 1); /* invalid, says the specification */
	same(place_state("/x"), "/accounts/me/.local/state/mdc-agent");
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void sockets_of_a_user(void **state)
{
	char dir[] = "/tmp/mdc-places-test.XXXXXX";
	enum engine_kind kind = ENGINE_AUTO;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(temp_dir(dir));
	(void)setenv("XDG_RUNTIME_DIR", dir, 1);
	auto_free char *podman_dir = path_join(dir, "podman");
	auto_free char *podman = path_join(podman_dir, "podman.sock");
	auto_free char *docker = path_join(dir, "docker.sock");

	assert_null(place_engine_socket(ENGINE_PODMAN, &kind));
	assert_int_equal(dir_make(podman_dir, 0700, &e), 0);
	int one = listen_at(podman), two;

	same(place_engine_socket(ENGINE_PODMAN, &kind), podman);
	assert_int_equal(kind, ENGINE_PODMAN);
	two = listen_at(docker);
	same(place_engine_socket(ENGINE_PODMAN, &kind), podman);
	same(place_engine_socket(ENGINE_DOCKER, &kind), docker);
	same(place_engine_socket(ENGINE_AUTO, &kind), docker);
	assert_int_equal(kind, ENGINE_DOCKER);
	assert_int_equal(chmod(docker, 0), 0); /* not ours to use */
	auto_free char *other = place_engine_socket(ENGINE_DOCKER, &kind);

	assert_true(!other || strcmp(other, docker) != 0);
	(void)close(one);
	(void)close(two);
	assert_int_equal(tree_remove(dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(root_has_the_systems, be_again),
		cmocka_unit_test_setup_teardown(a_user_has_their_own, be_somebody, be_again),
		cmocka_unit_test_setup_teardown(the_specification_counts, be_somebody, be_again),
		cmocka_unit_test_setup_teardown(sockets_of_a_user, be_somebody, be_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
