/*
 * Tests of agent/engine/compose_errors with what Compose 2.26 said to dockerd 20.10, word for word.
 */
#include "agent/engine/compose_errors.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PULLING  " web Pulling \n ok Pulling \n"
#define RECREATE " Container p1-web-1  Recreate\n Container p1-web-1  Recreated\n"
#define WARNING                                                                                    \
	"time=\"2026-11-22T03:05:34Z\" level=warning msg=\"The \\\"U\\\" variable is not set.\"\n"

static const struct row {
	const char *name;
	enum compose_step step;
	int code;
	const char *text;
	const char *words; /* NULL: not looked at */
	enum err_kind kind;
} rows[] = {
	{"tab", COMPOSE_RENDER, 15, "yaml: line 2: found character that cannot start any token\n",
	 "yaml: line 2: found character that cannot start any token", ERR_REJECTED},
	{"warnings are no reason", COMPOSE_RENDER, 15, WARNING "empty compose file\n",
	 "empty compose file", ERR_REJECTED},
	{"several lines", COMPOSE_RENDER, 15,
	 "invalid interpolation format for services.web.image.\nYou may need to escape any $ with another "
	 "$.\na:${V\n",
	 "invalid interpolation format for services.web.image. You may need to escape any $ with another $. a:${V",
	 ERR_REJECTED},
	{"indented in a rendering", COMPOSE_RENDER, 15,
	 "yaml: unmarshal errors:\n  line 3: cannot unmarshal\n",
	 "yaml: unmarshal errors: line 3: cannot unmarshal", ERR_REJECTED},
	{"missing env file", COMPOSE_RENDER, 14,
	 "env file /x/nope.env not found: stat /x/nope.env: no such file\n", NULL, ERR_REJECTED},
	{"this host is short", COMPOSE_RENDER, 1, "fork/exec: resource temporarily unavailable\n",
	 NULL, ERR_RETRY},

	{"no such image", COMPOSE_PULL, 18,
	 PULLING
	 " web Error manifest for 127.0.0.1:5000/nope:1 not found: manifest unknown: manifest unknown\n"
	 "Error response from daemon: manifest for 127.0.0.1:5000/nope:1 not found: manifest unknown: "
	 "manifest unknown\n",
	 "manifest for 127.0.0.1:5000/nope:1 not found: manifest unknown: manifest unknown",
	 ERR_REJECTED},
	{"denied", COMPOSE_PULL, 18,
	 PULLING
	 "Error response from daemon: pull access denied for nope, repository does not exist or may require "
	 "'docker login': denied: requested access to the resource is denied\n",
	 NULL, ERR_REJECTED},
	{"other architecture", COMPOSE_PULL, 18,
	 "Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries\n",
	 NULL, ERR_REJECTED},
	{"not a reference", COMPOSE_PULL, 1,
	 "unable to get image 'A B:1': Error response from daemon: no such image: A B:1: invalid reference "
	 "format: repository name must be lowercase\n",
	 NULL, ERR_REJECTED},
	{"registry is down", COMPOSE_PULL, 18,
	 PULLING
	 "Error response from daemon: Get \"http://127.0.0.1:5001/v2/\": dial tcp 127.0.0.1:5001: connect: "
	 "connection refused\n",
	 "Get \"http://127.0.0.1:5001/v2/\": dial tcp 127.0.0.1:5001: connect: connection refused",
	 ERR_RETRY},
	{"no name server", COMPOSE_PULL, 18,
	 "Error response from daemon: Get \"https://reg.example/v2/\": dial tcp: lookup reg.example on "
	 "10.0.0.1:53: read udp 10.0.0.2:54432->10.0.0.1:53: i/o timeout\n",
	 NULL, ERR_RETRY},
	{"no such host", COMPOSE_PULL, 18,
	 "Error response from daemon: Get \"https://reg.example/v2/\": dial tcp: lookup reg.example: no such "
	 "host\n",
	 NULL, ERR_RETRY},
	{"too many requests", COMPOSE_PULL, 18,
	 "Error response from daemon: toomanyrequests: You have reached your pull rate limit.\n",
	 NULL, ERR_RETRY},
	{"credentials", COMPOSE_PULL, 18,
	 "Error response from daemon: Head \"https://reg.example/v2/a/manifests/1\": unauthorized: authentication "
	 "required\n",
	 NULL, ERR_RETRY},
	{"disk full", COMPOSE_PULL, 18,
	 "Error response from daemon: write /var/lib/docker/tmp/x: no space left on device\n", NULL,
	 ERR_RETRY},
	{"unknown words", COMPOSE_PULL, 18, "something new\n", NULL, ERR_RETRY},
	{"podman, no such image", COMPOSE_PULL, 18,
	 "Error response from daemon: initializing source docker://localhost/nope:1: reading manifest 1 in "
	 "localhost/nope: name unknown: repository name not known to registry\n",
	 NULL, ERR_REJECTED},

	{"the build failed", COMPOSE_BUILD, 17,
	 "failed to solve: executor failed running [/bin/sh -c exit 7]: exit code: 7\n",
	 "failed to solve: executor failed running [/bin/sh -c exit 7]: exit code: 7",
	 ERR_REJECTED},
	{"the build's base is out of reach", COMPOSE_BUILD, 17,
	 "failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed "
	 "to create LLB definition: failed to do request: Head \"https://reg.example/v2/nope/manifests/v1\": dial "
	 "tcp: lookup reg.example: i/o timeout\n",
	 "failed to create LLB definition: failed to do request: Head "
	 "\"https://reg.example/v2/nope/manifests/v1\": dial tcp: lookup reg.example: i/o timeout",
	 ERR_RETRY},
	{"no Dockerfile", COMPOSE_BUILD, 17,
	 "failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed "
	 "to read dockerfile: open /x/Dockerfile: no such file or directory\n",
	 "failed to read dockerfile: open /x/Dockerfile: no such file or directory", ERR_REJECTED},

	{"port taken", COMPOSE_UP, 1,
	 RECREATE
	 "Error response from daemon: driver failed programming external connectivity on endpoint web: "
	 "listen tcp4 0.0.0.0:5000: bind: address already in use\n",
	 "driver failed programming external connectivity on endpoint web: listen tcp4 0.0.0.0:5000: bind: "
	 "address already in use",
	 ERR_FAILED},
	{"image missing", COMPOSE_UP, 1,
	 RECREATE "Error response from daemon: no such image: nope:v2: No such image: nope:v2\n",
	 "no such image: nope:v2: No such image: nope:v2", ERR_FAILED},
	{"a job failed", COMPOSE_UP, 1,
	 RECREATE " Container p1-job-1  service \"job\" didn't complete successfully: exit 3\n"
		  "service \"job\" didn't complete successfully: exit 3\n",
	 "service \"job\" didn't complete successfully: exit 3", ERR_FAILED},
	{"engine went away", COMPOSE_UP, 1,
	 RECREATE
	 "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?\n",
	 NULL, ERR_RETRY},
	{"engine went away in mid-sentence", COMPOSE_UP, 1,
	 RECREATE "error during connect: Post \"http://%2Frun%2Fdocker.sock/x/start\": EOF\n", NULL,
	 ERR_RETRY},
	{"a logged error", COMPOSE_UP, 1,
	 "time=\"2026-11-22T03:05:34Z\" level=fatal msg=\"it \\\"broke\\\"\" extra=1\n",
	 "it \"broke\"", ERR_FAILED},
	{"said nothing", COMPOSE_UP, 1, RECREATE, "", ERR_FAILED},
	{"only the last words", COMPOSE_UP, 1, "a\nb\nc\nd\n", "b c d", ERR_FAILED},
	{"escapes", COMPOSE_UP, 1, "bad \x1b[31mred\x07\n", "bad \\x1B[31mred\\x07", ERR_FAILED},

	{"down", COMPOSE_DOWN, 1, "could not find job: not found\n",
	 "could not find job: not found", ERR_RETRY},
	{"stop", COMPOSE_STOP, 1, "x\n", "x", ERR_RETRY},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	auto_free char *words = compose_words(r->step, r->text);

	if (r->words)
		assert_string_equal(words, r->words);
	assert_int_equal(compose_kind(r->step, r->code, words), r->kind);
}

static void check_advice(void **state)
{
	(void)state;
	assert_non_null(strstr(compose_advice(COMPOSE_PULL, "unauthorized: x"), "docker login"));
	assert_non_null(
		strstr(compose_advice(COMPOSE_UP, "could not find an available, non-overlapping "
						  "IPv4 address pool among the defaults"),
		       "default-address-pools"));
	assert_string_equal(compose_advice(COMPOSE_UP, "unauthorized"), "");
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0]) + 1] = {
		cmocka_unit_test(check_advice)};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[i + 1] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL,
						   (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
