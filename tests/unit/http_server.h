/*
 * http_server - the server behind http_test: one process for each connection, several requests on
 * each. What it does follows from the path.
 */
#pragma once

#include "common/str.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 65536 };

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
