/*
 * poll-http - asks an http(s) server which commit the branch names, once for every line "poll" on
 * its stdin, on a connection that is kept. A process of its own, so that the daemon carries neither
 * libcurl nor TLS, and so that what a server sends is parsed away from the daemon. Ends when its
 * stdin does. Depends on: common.
 */
#include "agent/poll/options.h"
#include "common/gitls.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 20000 };

static void answer_polls(struct gitls *l)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		struct err e = ERR_INIT;
		char id[GIT_HEX_SIZE] = "";

		if (strcmp(line, "poll\n") == 0)
			poll_answer(gitls_ask(l, id, &e), id, &e);
		else
			poll_answer(err_set(&e, ERR_USAGE, 0, "say \"poll\""), id, &e);
		(void)malloc_trim(
			0); /* this process mostly waits: give back what the answer took */
	}
}

int main(int argc, char **argv)
{
	struct poll_options o;
	struct err e = ERR_INIT;
	char none[GIT_HEX_SIZE] = "";

	(void)signal(SIGPIPE, SIG_IGN);
	if (poll_options_read(argc, argv, &o, &e) < 0) {
		poll_answer(-1, none, &e);
		return err_exit_code(e.kind);
	}
	struct gitls_options ask = {.url = o.url,
				    .branch = o.branch,
				    .tag = o.tag,
				    .username = o.username,
				    .token_file = o.token_file,
				    .ca_file = o.ca_file,
				    .timeout_ms = TIMEOUT_MS};
	auto_gitls struct gitls *l = gitls_open(&ask);

	answer_polls(l);
	return 0;
}
