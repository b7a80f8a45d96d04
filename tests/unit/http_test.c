/*
 * Tests of common/http against a small server in a child process, on a unix socket and on the
 * loopback.
 */
#include "common/http.h"

#include "common/clock.h"
#include "common/mem.h"
#include "tests/unit/http_server.h"
#include "tests/unit/temp_dir.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct {
	char dir[32], socket[64], url[64];
	pid_t unix_server, tcp_server;
	unsigned dead_port;
} at;

static int start(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int u = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int t = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int dead = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	(void)signal(SIGCHLD, SIG_DFL);
	(void)snprintf(at.dir, sizeof(at.dir), "/tmp/mdc-http-XXXXXX");
	if (!temp_dir(at.dir))
		return -1;
	(void)snprintf(at.socket, sizeof(at.socket), "%s/s", at.dir);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", at.socket);
	if (bind(u, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(u, 8) < 0 ||
	    bind(t, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(t, 8) < 0 ||
	    getsockname(t, (struct sockaddr *)&in, &len) < 0)
		return -1;
	(void)snprintf(at.url, sizeof(at.url), "http://127.0.0.1:%u", ntohs(in.sin_port));
	at.unix_server = serve(u);
	at.tcp_server = serve(t);
	in.sin_port = 0; /* a port on which nobody listens: bound, and kept so until the end */
	if (bind(dead, (struct sockaddr *)&in, sizeof(in)) < 0 ||
	    getsockname(dead, (struct sockaddr *)&in, &len) < 0)
		return -1;
	at.dead_port = ntohs(in.sin_port);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	(void)kill(at.unix_server, SIGKILL);
	(void)kill(at.tcp_server, SIGKILL);
	(void)waitpid(at.unix_server, NULL, 0);
	(void)waitpid(at.tcp_server, NULL, 0);
	(void)unlink(at.socket);
	return rmdir(at.dir);
}

/* ---- the tests ------------------------------------------------------------------------------ */

static const struct row {
	const char *name, *method, *path, *body;
	size_t max_body;
	int timeout_ms, idle_ms;
	long status;      /* 0: no answer */
	const char *want; /* part of the body, or of the error */
	enum err_kind kind;
} rows[] = {
	{"get", NULL, "/echo", NULL, 0, 5000, 0, 200, "GET /echo HTTP/1.1\r\n", ERR_NONE},
	{"post", NULL, "/echo", "some body", 0, 5000, 0, 200, "some body", ERR_NONE},
	{"post without a body", "POST", "/echo", NULL, 0, 5000, 0, 200, "Content-Length: 0",
	 ERR_NONE},
	{"put", "PUT", "/echo", "x", 0, 5000, 0, 200, "PUT /echo HTTP/1.1\r\n", ERR_NONE},
	{"delete", "DELETE", "/echo", NULL, 0, 5000, 0, 200, "DELETE /echo HTTP/1.1\r\n", ERR_NONE},
	{"not found is an answer", NULL, "/missing", NULL, 0, 5000, 0, 404, "nothing", ERR_NONE},
	{"redirects are not followed", NULL, "/redirect", NULL, 0, 5000, 0, 302, "", ERR_NONE},
	{"body as large as allowed", NULL, "/missing", NULL, 7, 5000, 0, 404, "nothing", ERR_NONE},
	{"body too large", NULL, "/missing", NULL, 6, 5000, 0, 0, "larger than 6 B", ERR_REJECTED},
	{"endless body", NULL, "/endless", NULL, 100000, 5000, 0, 0, "is larger than",
	 ERR_REJECTED},
	{"endless headers", NULL, "/headers", NULL, 0, 5000, 0, 0, "headers without end",
	 ERR_REJECTED},
	{"no answer in time", NULL, "/silent", NULL, 0, 300, 0, 0, "timed out", ERR_RETRY},
	{"half an answer in time", NULL, "/half", NULL, 0, 300, 0, 0, "timed out", ERR_RETRY},
	{"silence", NULL, "/half", NULL, 0, 60000, 1000, 0, "nothing arrived for 1 s", ERR_RETRY},
	{"hangs up", NULL, "/bye", NULL, 0, 5000, 0, 0, "Empty reply", ERR_RETRY},
};

static void check_with(const struct row *r, struct http *h, const char *base)
{
	auto_free char *url = xasprintf("%s%s", base, r->path);
	const struct http_request q = {.method = r->method,
				       .url = url,
				       .body = r->body,
				       .body_len = r->body ? strlen(r->body) : 0,
				       .timeout_ms = r->timeout_ms,
				       .idle_ms = r->idle_ms,
				       .max_body = r->max_body};
	struct err e = ERR_INIT;
	auto_http_answer struct http_answer a = {.status = 0};
	int64_t before = clock_ms();

	int failed = http_send(h, &q, &a, &e);
	assert_true(clock_ms() - before < 5000);
	if (failed < 0)
		print_message("%s\n", e.cause);
	assert_int_equal(e.kind, r->kind);
	assert_int_equal(failed, r->status > 0 ? 0 : -1);
	assert_int_equal(a.status, r->status);
	assert_non_null(strstr(r->status > 0 ? str_text(&a.body) : e.cause, r->want));
}

static void check_unix(void **state)
{
	const struct http_options o = {.unix_socket = at.socket};
	auto_http struct http *h = http_open(&o);

	(void)setenv("http_proxy", "http://127.0.0.1:1", 1); /* not for a unix socket */
	check_with(*state, h, "http://localhost");
	(void)unsetenv("http_proxy");
}

static void check_tcp(void **state)
{
	const struct http_options o = {.unix_socket = NULL};
	auto_http struct http *h = http_open(&o);

	check_with(*state, h, at.url);
}

/* All on one handle, one after the other: what one left must not be seen by the next. */
static void check_all_on_one(void **state)
{
	const struct http_options o = {.unix_socket = at.socket};
	auto_http struct http *h = http_open(&o);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_with(&rows[i], h, "http://localhost");
}

static void send_get(struct http *h, const char *url, struct http_answer *a)
{
	struct err e = ERR_INIT;
	const struct http_request q = {.url = url, .timeout_ms = 5000};

	assert_int_equal(http_send(h, &q, a, &e), 0);
}

static void check_kept_connection(void **state)
{
	const struct http_options o = {.unix_socket = at.socket};
	auto_http struct http *h = http_open(&o);

	(void)state;
	for (int i = 1; i <= 3; i++) {
		auto_http_answer struct http_answer a = {.status = 0};
		char want[16];

		send_get(h, "http://localhost/count", &a);
		(void)snprintf(want, sizeof(want), "%d", i);
		assert_string_equal(a.body.s, want);
	}
}

static void check_headers(void **state)
{
	const struct http_options o = {.unix_socket = at.socket};
	auto_http struct http *h = http_open(&o);
	const char *const headers[] = {"Content-Type: application/json", "X-Mine: 7", NULL};
	const struct http_request q = {.url = "http://localhost/echo",
				       .body = "{}",
				       .body_len = 2,
				       .headers = headers,
				       .timeout_ms = 5000};
	struct err e = ERR_INIT;
	auto_http_answer struct http_answer a = {.status = 0};

	(void)state;
	assert_int_equal(http_send(h, &q, &a, &e), 0);
	assert_non_null(strstr(a.body.s, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(a.body.s, "X-Mine: 7\r\n"));
	assert_null(strstr(a.body.s, "Expect"));
	assert_null(strstr(a.body.s, "urlencoded"));
	assert_null(strstr(a.body.s, "Authorization"));
}

static void check_password(void **state)
{
	const struct http_options o = {.user = "me", .password = "secret"};
	auto_http struct http *h = http_open(&o);
	auto_http_answer struct http_answer a = {.status = 0}, b = {.status = 0};
	auto_free char *url = xasprintf("%s/echo", at.url);
	auto_free char *other = xasprintf("http://localhost%s/echo", strrchr(at.url, ':'));

	(void)state;
	send_get(h, url, &a);
	assert_non_null(strstr(a.body.s, "Authorization: Basic bWU6c2VjcmV0\r\n"));
	send_get(h, other, &b); /* another host, as far as a name can tell */
	assert_null(strstr(b.body.s, "Authorization"));
}

static int take_three(const char *data, size_t len, void *arg)
{
	int *left = arg;

	(void)data;
	assert_true(len > 0);
	return --*left > 0 ? 0 : -1;
}

static void check_sink(void **state)
{
	const struct http_options o = {.unix_socket = at.socket};
	auto_http struct http *h = http_open(&o);
	int left = 3;
	const struct http_request q = {.url = "http://localhost/endless",
				       .timeout_ms = 5000,
				       .sink = take_three,
				       .arg = &left};
	struct err e = ERR_INIT;
	auto_http_answer struct http_answer a = {.status = 0};

	(void)state;
	assert_int_equal(http_send(h, &q, &a, &e), 0);
	assert_int_equal(a.status, 200);
	assert_int_equal(left, 0);
	assert_string_equal(str_text(&a.body), "");
	assert_int_equal(e.kind, ERR_NONE);
}

static const struct bad_row {
	const char *name, *url;
	enum err_kind kind;
	const char *want, *never; /* what the message must say, and must not */
} bad_rows[] = {
	{"nobody listens", "http://u:secret@127.0.0.1:%u/x", ERR_RETRY, "Connection refused",
	 "secret"},
	{"no such host", "http://no-such-host.invalid:%u/", ERR_RETRY, "no-such-host.invalid", "%"},
	{"file", "file:///etc/passwd?%u", ERR_REJECTED, "not an http or https URL", "%"},
	{"ftp", "ftp://127.0.0.1:%u/", ERR_REJECTED, "not an http or https URL", "%"},
	{"not a URL", "http://[:%u", ERR_REJECTED, "not an http or https URL", "%"},
};

static void check_bad(void **state)
{
	const struct bad_row *r = *state;
	const struct http_options o = {.connect_ms = 2000};
	auto_http struct http *h = http_open(&o);
	char port[16];
	auto_str struct str url = STR_INIT;
	const char *mark = strstr(r->url, "%u");
	struct err e = ERR_INIT;
	struct http_answer a = {.status = 7};

	(void)snprintf(port, sizeof(port), "%u", at.dead_port);
	str_addn(&url, r->url, (size_t)(mark - r->url));
	str_add(&url, port);
	str_add(&url, mark + 2);
	const struct http_request q = {.url = url.s, .timeout_ms = 5000};
	assert_int_equal(http_send(h, &q, &a, &e), -1);
	print_message("%s\n", e.cause);
	assert_int_equal(e.kind, r->kind);
	assert_non_null(strstr(e.cause, r->want));
	assert_null(strstr(e.cause, r->never));
	assert_int_equal(a.status, 7);
}

static void check_no_socket(void **state)
{
	const struct http_options o = {.unix_socket = "/nowhere/engine.sock"};
	auto_http struct http *h = http_open(&o);
	const struct http_request q = {.url = "http://localhost/x", .timeout_ms = 5000};
	struct err e = ERR_INIT;
	struct http_answer a;

	(void)state;
	assert_int_equal(http_send(h, &q, &a, &e), -1);
	print_message("%s\n", e.cause);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_non_null(strstr(e.cause, "/nowhere/engine.sock"));
}

static void check_escape(void **state)
{
	auto_free char *got = http_escape("a b&{\"x\":[\"\xc3\xa4/~\"]}");

	(void)state;
	assert_string_equal(got, "a%20b%26%7B%22x%22%3A%5B%22%C3%A4%2F~%22%5D%7D");
}

#define ROWS(table, check)                                                                         \
	for (size_t i = 0; i < COUNT_OF(table); i++)                                               \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			table[i].name, check, NULL, NULL, (void *)(uintptr_t)&table[i]             \
		}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(check_all_on_one), cmocka_unit_test(check_kept_connection),
		cmocka_unit_test(check_headers),    cmocka_unit_test(check_password),
		cmocka_unit_test(check_sink),       cmocka_unit_test(check_no_socket),
		cmocka_unit_test(check_escape),
	};
	struct CMUnitTest tests[2 * COUNT_OF(rows) + COUNT_OF(bad_rows) + COUNT_OF(single)];
	size_t n = 0;

	ROWS(rows, check_unix);
	ROWS(rows, check_tcp);
	ROWS(bad_rows, check_bad);
	for (size_t i = 0; i < COUNT_OF(single); i++)
		tests[n++] = single[i];
	return cmocka_run_group_tests(tests, start, stop);
}
