/*
 * webhook - what a receiver answers, byte for byte through libcurl: a thread of this process is the
 * server on a port of its own.
 * Depends on: fuzz, notify.
 */
#include "tests/fuzz/fuzz.h"

#include "agent/notify/receiver.h"
#include "common/mem.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int listener = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *answer; /* under lock */
static size_t answer_len;

static void set_answer(const char *text, size_t len)
{
	(void)pthread_mutex_lock(&lock);
	answer = text;
	answer_len = len;
	(void)pthread_mutex_unlock(&lock);
}

/* Answers one connection after another; a client may have gone before. */
static void *serve(void *arg)
{
	char request[4096];

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return arg;
		(void)recv(fd, request, sizeof(request), 0);
		(void)pthread_mutex_lock(&lock);
		(void)send(fd, answer, answer_len, MSG_NOSIGNAL);
		(void)pthread_mutex_unlock(&lock);
		(void)shutdown(fd, SHUT_WR);
		while (recv(fd, request, sizeof(request), 0) > 0)
			;
		(void)close(fd);
	}
}

static const char *start(void)
{
	static char url[64];
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	pthread_t thread;

	if (listener >= 0)
		return url;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0);
	FUZZ_CHECK(listen(listener, 8) == 0);
	FUZZ_CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook", ntohs(at.sin_port));
	(void)signal(SIGPIPE, SIG_IGN);
	FUZZ_CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
	return url;
}

void fuzz_one(const char *text, size_t len)
{
	struct request r = {.method = "POST", .url = xstrdup(start())};
	struct verdict v = {.status = 0};
	struct err e = ERR_INIT;

	set_answer(text, len);
	str_add(&r.body, "{}");
	if (request_send(&r, NULL, &v, &e) == 0)
		FUZZ_CHECK(v.status >= 200 && v.status < 300);
	else
		FUZZ_CHECK(e.cause[0] != '\0');
	FUZZ_CHECK(v.retry_after_s >= 0);
	request_done(&r);
	set_answer("", 0);
}
