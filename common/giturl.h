/*
 * giturl - the parts of a repository's address, and how it may be shown.
 * Depends on: err, mem.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"

enum giturl_kind { GITURL_FILE, GITURL_HTTP, GITURL_SSH };

struct giturl {
	enum giturl_kind kind;
	char *user; /* NULL: none given */
	char *host; /* without brackets; NULL for a file */
	int port;   /* 0: none given */
	char *path; /* file and ssh: what the other side opens; http: "/..." */
};

/*
 * Understands /srv/x.git, file:///srv/x.git, https://host/x.git, http://...,
 * ssh://user@host:22/x.git and user@host:x.git. ERR_USAGE for anything else, for control characters
 * and for more than 2 KiB.
 */
int giturl_parse(const char *url, struct giturl *out, struct err *e);
void giturl_done(struct giturl *u);
#define auto_giturl AUTO(giturl_done)

/* The address without user and password, printable, for messages. The caller frees. */
char *giturl_show(const char *url);
