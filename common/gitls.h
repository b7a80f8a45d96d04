/*
 * gitls - asking an http(s) server which commit a branch or tag names: protocol 2 where the server
 * speaks it (one POST on a kept connection), else the advertisement of protocol 0. No libgit2.
 * Depends on: err, mem, file, http, gitwire.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"
#include "common/refpick.h"

struct gitls_options {
	const char *url;
	const char *branch, *tag;
	const char *username;   /* NULL: "git" */
	const char *token_file; /* NULL: no credentials; read anew at every question */
	const char *ca_file;
	int timeout_ms; /* > 0: of one question */
};

struct gitls; /* a kept connection, and what is known about the server */

struct gitls *
gitls_open(const struct gitls_options *o); /* the options are borrowed as long as it lives */
void gitls_close(struct gitls *l);
AUTO_PTR(gitls_close, struct gitls)
#define auto_gitls AUTO(gitls_close_at)

/*
 * The id; "" if there is no such ref. ERR_USAGE: what a person has to change in agent.yaml
 * (credentials, URL); ERR_RETRY: not reachable, or no sensible answer.
 */
int gitls_ask(struct gitls *l, char id[GIT_HEX_SIZE], struct err *e);

/*
 * The password in a token file: its first line, at most 4 KiB. ERR_USAGE if it cannot be used. The
 * caller frees.
 */
int gitls_token(const char *token_file, char **token, struct err *e);

/* What an http status other than 200 means for the person at agent.yaml. Always returns -1. */
int gitls_refused(long status, const char *url, bool with_token, struct err *e);
