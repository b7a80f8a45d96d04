/*
 * ask - which commit does the source have? A `file` source is read in place; http and ssh are asked
 * by programs of their own, which answer with one line.
 * Depends on: daemon.h, common.
 */
#include "agent/daemon/daemon.h"
#include "agent/daemon/lines.h"

#include "common/gitref.h"
#include "common/giturl.h"
#include "common/mem.h"
#include "common/self.h"
#include "common/strv.h"

#include <stdio.h>
#include <string.h>

enum {
	ANSWER_MS = 30 * 1000,
	/* Polls further apart than this do not keep a process with libcurl around. */
	KEEP_MS = 5 * 60 * 1000,
};

static void answered(struct daemon *d, int failed, const char *id, const struct err *e)
{
	daemon_disarm(d->ask.deadline);
	d->ask.busy = false;
	poll_answered(d, failed, id, e);
	if (d->ask.again && !d->ask.busy && !d->stopping) {
		d->ask.again = false;
		ask_begin(d);
	}
}

static void fail(struct daemon *d, const char *text)
{
	struct err e = ERR_INIT;

	answered(d, err_set(&e, ERR_RETRY, 0, "%s", text), "", &e);
}

static void ask_file(struct daemon *d)
{
	const struct source_config *c = &d->config.source;
	auto_giturl struct giturl url = {.path = NULL};
	char id[GIT_HEX_SIZE] = "";
	struct err e = ERR_INIT;
	int failed = giturl_parse(c->url, &url, &e);

	if (failed == 0)
		failed = gitref_ask(url.path, c->branch, c->tag, id, &e);
	answered(d, failed, id[0] != '\0' ? id : "-", &e);
}

static void on_line(struct task *t, const char *line, void *arg)
{
	struct daemon *d = arg;
	char id[OBJECT_ID_SIZE] = "";
	struct err e = ERR_INIT;

	if (!d->ask.busy || d->ask.task != t)
		return; /* it speaks without being asked */
	int failed = lines_answer(line, id, &e);
	if ((failed < 0 && e.kind == ERR_BROKEN) || d->config.source.poll_ms > KEEP_MS) {
		task_kill(t);
		d->ask.task = NULL; /* on_end() frees it; the next question starts another */
	}
	answered(d, failed, id, &e);
}

static void on_end(struct task *t, int status, void *arg)
{
	struct daemon *d = arg;
	char how[64];

	if (d->ask.task == t)
		d->ask.task = NULL;
	task_free(t);
	if (!d->ask.busy)
		return;
	auto_free char *text = xasprintf("the program that asks the source %s before it answered",
					 task_how_text(status, how, sizeof(how)));
	fail(d, text);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)s;
	(void)usec;
	if (!d->ask.busy)
		return 0;
	if (d->ask.task) {
		struct task *t = TAKE(d->ask.task);

		task_free(t);
	}
	fail(d, "the source did not answer in time");
	return 0;
}

static void add_option(struct strv *argv, const char *name, const char *value)
{
	if (!value || value[0] == '\0')
		return;
	strv_push(argv, name);
	strv_push(argv, value);
}

static int start_program(struct daemon *d, struct err *e)
{
	const struct source_config *c = &d->config.source;
	bool http = c->kind == SOURCE_HTTP;
	auto_free char *program = self_program(http ? "poll-http" : "poll-ssh");
	auto_strv struct strv argv = STRV_INIT;

	strv_push(&argv, program);
	add_option(&argv, "--url", c->url);
	add_option(&argv, c->tag ? "--tag" : "--branch", c->tag ? c->tag : c->branch);
	add_option(&argv, "--username", c->username);
	/* Names of files only: what is in them never stands on a command line. */
	add_option(&argv, "--token-file", c->token_file);
	add_option(&argv, "--ca-file", c->ca_file);
	add_option(&argv, "--key-file", c->ssh_key_file);
	add_option(&argv, "--known-hosts-file", c->known_hosts_file);
	const struct task_spec spec = {.name = http ? "poll-http" : "poll-ssh",
				       .argv = (const char *const *)argv.v,
				       .talk = true,
				       .on_line = on_line,
				       .on_end = on_end,
				       .arg = d};
	return task_start(d->event, &spec, &d->ask.task, e);
}

static void ask_program(struct daemon *d)
{
	struct err e = ERR_INIT;

	daemon_arm(d, &d->ask.deadline, ANSWER_MS, 0, on_deadline);
	if (!d->ask.task && start_program(d, &e) < 0) {
		answered(d, -1, "", &e);
		return;
	}
	if (d->config.source.kind != SOURCE_HTTP)
		return; /* poll-ssh needs no word, and ends after its answer */
	if (task_say(d->ask.task, "poll\n", &e) < 0) {
		task_kill(d->ask.task);
		answered(d, -1, "", &e);
	}
}

void ask_begin(struct daemon *d)
{
	const struct err none = ERR_INIT;

	if (d->ask.busy) {
		d->ask.again = true;
		return;
	}
	d->ask.busy = true;
	switch (d->config.source.kind) {
	case SOURCE_NONE:
		answered(d, 0, "-", &none);
		return;
	case SOURCE_FILE:
		ask_file(d);
		return;
	case SOURCE_HTTP:
	case SOURCE_SSH:
		ask_program(d);
		return;
	}
}

void ask_close(struct daemon *d)
{
	d->ask.busy = d->ask.again = false;
	d->ask.deadline = sd_event_source_disable_unref(d->ask.deadline);
	if (d->ask.task)
		task_free(d->ask.task);
	d->ask.task = NULL;
}
