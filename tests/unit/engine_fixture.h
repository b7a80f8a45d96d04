/*
 * engine_fixture - an engine that answers from a table, on a unix socket in a directory of its own,
 * and a Compose plugin that is a shell script. For the tests of agent/engine.
 */
#pragma once

#include "agent/engine/engine.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum canned_how {
	CANNED_JSON,    /* a well-formed answer */
	CANNED_RAW,     /* the body is sent as it stands, header and all */
	CANNED_SILENCE, /* no answer at all */
	CANNED_CLOSE,   /* the connection is closed */
};

struct canned {
	const char *request; /* how the request line begins; unescaped */
	int status;
	const char *body;
	enum canned_how how;
	size_t len; /* of the body; 0: it is a text */
};

struct fake_engine {
	char dir[64];
	char *socket, *plugin, *log; /* log: one request line each */
	pid_t pid;
	struct engine *g;
};

static inline void fake_unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++, to++) {
		unsigned int c = 0;

		if (s[0] == '%' && sscanf(s + 1, "%2x", &c) == 1) {
			*to = (char)c;
			s += 2;
		} else {
			*to = *s;
		}
	}
	*to = '\0';
}

static inline void fake_send(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* false: close the connection */
static inline bool fake_answer(int fd, const char *line, const struct canned *table)
{
	const struct canned *c = table;

	while (c->request && !str_starts(line, c->request))
		c++;
	const char *body = c->request ? c->body : "{\"message\":\"not in the table\"}";
	size_t len = c->request && c->len > 0 ? c->len : body ? strlen(body) : 0;
	auto_free char *head = xasprintf("HTTP/1.1 %d Canned\r\nContent-Length: %zu\r\n\r\n",
					 c->request ? c->status : 404, len);

	if (c->request && c->how == CANNED_CLOSE)
		return false;
	if (c->request && c->how == CANNED_SILENCE)
		return true;
	if (!c->request || c->how == CANNED_JSON)
		fake_send(fd, head, strlen(head));
	fake_send(fd, body, len);
	return !c->request || c->how != CANNED_RAW;
}

/* Serve one connection until it is closed. */
static inline void fake_serve(int fd, const struct canned *table, const char *log)
{
	char buf[16384];
	size_t have = 0;
	struct err e = ERR_INIT;

	for (;;) {
		ssize_t n = recv(fd, buf + have, sizeof(buf) - 1 - have, 0);

		if (n <= 0)
			return;
		have += (size_t)n;
		buf[have] = '\0';
		if (!strstr(buf, "\r\n\r\n"))
			continue;
		char *end = strstr(buf, " HTTP/1.1");

		if (end)
			*end = '\0';
		fake_unescape(buf);
		(void)file_append_line(log, buf, &e);
		if (!fake_answer(fd, buf, table))
			return;
		have = 0;
	}
}

static inline void fake_run(int listening, const struct canned *table, const char *log)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			_exit(0);
		fake_serve(fd, table, log);
		(void)close(fd);
	}
}

/* script: the body of the plugin, after #!/bin/sh; $DIR is the fixture's directory. NULL: it exits
 * 0. */
static inline void fake_plugin(struct fake_engine *f, const char *script)
{
	struct err e = ERR_INIT;
	auto_free char *text =
		xasprintf("#!/bin/sh\nDIR=%s\n%s\n", f->dir, script ? script : "exit 0");

	assert_int_equal(file_replace(f->plugin, text, strlen(text), 0755, &e), 0);
}

/* table ends with a row without request; NULL: no engine listens. */
static inline void fake_start(struct fake_engine *f, const struct canned *table, const char *script)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct err e = ERR_INIT;

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/mdc-engine-test.XXXXXX");
	assert_non_null(temp_dir(f->dir));
	f->socket = path_join(f->dir, "engine.sock");
	f->plugin = path_join(f->dir, "docker-compose");
	f->log = path_join(f->dir, "requests");
	f->pid = 0;
	fake_plugin(f, script);
	if (table) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->socket);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(listen(fd, 8), 0);
		f->pid = fork();
		if (f->pid == 0)
			fake_run(fd, table, f->log);
		(void)close(fd);
	}
	const struct config c = {.socket = f->socket, .compose = f->plugin};

	assert_int_equal(engine_open(&c, &f->g, &e), 0);
}

static inline void fake_stop(struct fake_engine *f)
{
	struct err e = ERR_INIT;

	if (f->pid > 0) {
		(void)kill(f->pid, SIGKILL);
		(void)waitpid(f->pid, NULL, 0);
	}
	engine_close(f->g);
	(void)tree_remove(f->dir, &e);
	free(f->socket);
	free(f->plugin);
	free(f->log);
}

/* The text of a file in the fixture's directory, "" if there is none; the caller frees. */
static inline char *fake_read(const struct fake_engine *f, const char *name)
{
	auto_free char *path = path_join(f->dir, name);
	struct err e = ERR_INIT;
	char *text = NULL;

	return file_read(path, 1 << 20, &text, NULL, &e) == 0 ? text : xstrdup("");
}
