/*
 * options - the command line of the two poll programs, and the one line they answer with:
 * "ok <id>", "ok -" (there is no such ref) or "error <kind> <text>".
 * Depends on: common.
 */
#pragma once

#include "common/err.h"
#include "common/refpick.h"

struct poll_options {
	const char *url, *branch, *tag, *username;
	const char *token_file, *ca_file, *key_file, *known_hosts_file;
};

/* Strings are borrowed from argv. ERR_USAGE for anything unknown or missing. */
int poll_options_read(int argc, char **argv, struct poll_options *o, struct err *e);

/* Print the answer and flush. failed: e says why, else id. */
void poll_answer(int failed, const char id[GIT_HEX_SIZE], const struct err *e);
