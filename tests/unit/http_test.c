/*
 * Tests of common/http against a small server in a child process, on a unix socket and on the
 * loopback.
 */
#include "common/http.h"

#include "common/clock.h"
#include "common/mem.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { REQUEST_MAX = 65536 };

/* ---- the server: one connection after the other, several requests on each -------------------- */

static void reply(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void reply_raw(int fd, const char *text)
{
	reply(fd, text, strlen(text));
}

static void reply_text(int fd, int status, const char *body)
{
	auto_str struct str s = STR_INIT;

	str_addf(&s, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
	reply(fd, s.s, s.len);
}

static void reply_endless(int fd)
{
	static const char piece[] = "1000\r\n";
	char data[0x1000];

	memset(data, 'x', sizeof(data));
	reply_raw(fd, "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100000; i++) {
		if (send(fd, piece, 6, MSG_NOSIGNAL) <= 0)
			return;
		reply(fd, data, sizeof(data));
		reply_raw(fd, "\r\n");
	}
}

/* Length of the request at the front of buf, 0 if it is not whole. */
static size_t whole_request(const char *buf, size_t have)
{
	const char *end = memmem(buf, have, "\r\n\r\n", 4);
	const char *length = end ? strcasestr(buf, "\r\nContent-Length:") : NULL;
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	size_t len = end ? (size_t)(end - buf) + 4 + body : 0;

	return have >= len ? len : 0;
}

/* Answer by path. -1: close the connection. */
static int answer(int fd, const char *request, int count)
{
	char path[64] = "", body[64];

	(void)sscanf(request, "%*s %63s", path);
	if (strcmp(path, "/echo") == 0) {
		reply_text(fd, 200, request);
	} else if (strcmp(path, "/count") == 0) {
		(void)snprintf(body, sizeof(body), "%d", count);
		reply_text(fd, 200, body);
	} else if (strcmp(path, "/missing") == 0) {
		reply_text(fd, 404, "nothing");
	} else if (strcmp(path, "/redirect") == 0) {
		reply_raw(fd, "HTTP/1.1 302 X\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
	} else if (strcmp(path, "/endless") == 0) {
		reply_endless(fd);
		return -1;
	} else if (strcmp(path, "/silent") == 0) {
		(void)pause();
	} else if (strcmp(path, "/half") == 0) {
		reply_raw(fd, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf");
		(void)pause();
	} else if (strcmp(path, "/headers") == 0) {
		reply_raw(fd, "HTTP/1.1 200 X\r\n");
		for (int i = 0; i < 100000; i++)
			reply_raw(fd, "X-Name: 0123456789012345678901234567890123456789\r\n");
		return -1;
	} else {
		return -1; /* a connection that ends without an answer */
	}
	return 0;
}

static void serve_one(int fd)
{
	static char buf[REQUEST_MAX + 1];
	size_t have = 0;

	for (int count = 1;; count++) {
		size_t len;

		while ((len = whole_request(buf, have)) == 0) {
			ssize_t n = recv(fd, buf + have, REQUEST_MAX - have, 0);

			if (n <= 0)
				return;
			have += (size_t)n;
			buf[have] = '\0';
		}
		char next = buf[len];

		buf[len] = '\0';
		if (answer(fd, buf, count) < 0)
			return;
		buf[len] = next;
		have -= len;
		memmove(buf, buf + len, have + 1);
	}
}

static pid_t serve(int listener)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		/* Each connection in a process of its own: one that hangs does not hold the next.
		 */
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve_one(fd);
			_exit(0);
		}
		(void)close(fd);
	}
}

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
	if (!mkdtemp(at.dir))
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
	{"endless headers", NULL, "/headers", NULL, 0, 5000, 0, 0, "too many headers",
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
