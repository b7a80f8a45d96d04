/*
 * gitssh - git-upload-pack on another machine over libssh2: one host key check and one set of
 * messages for the poll program and for fetching. Host keys come from known_hosts only, the key
 * from a file; no agent, no password. Depends on: err, mem, clock, giturl, knownhosts, gitwire,
 * libssh2.
 */
#pragma once

#include "common/auto.h"
#include "common/err.h"
#include "common/refpick.h"

#include <stddef.h>

struct gitssh_options {
	const char *url;      /* ssh://user@host:port/path or user@host:path */
	const char *username; /* NULL: from the url, else "git" */
	const char *key_file, *known_hosts_file;
	int timeout_ms; /* > 0: from the first step to the last read */
};

struct gitssh; /* a session with the command running in it */

/*
 * Connect, check the host key, authenticate, start git-upload-pack. ERR_USAGE: the key, known_hosts
 * or the URL has to be changed here; ERR_RETRY: network and server.
 */
int gitssh_open(const struct gitssh_options *o, struct gitssh **out, struct err *e);

/* Up to n bytes; *got is 0 at the end. */
int gitssh_read(struct gitssh *s, char *buf, size_t n, size_t *got, struct err *e);
int gitssh_write(struct gitssh *s, const char *buf, size_t n, struct err *e);

/* The command ended too early: an error with what it said on its stderr. Always returns -1. */
int gitssh_ended(struct gitssh *s, struct err *e);

void gitssh_close(struct gitssh *s);
AUTO_PTR(gitssh_close, struct gitssh)
#define auto_gitssh AUTO(gitssh_close_at)

/* The id of a branch, or of the newest tag that matches; "" if there is none. */
int gitssh_ls(const struct gitssh_options *o, const char *branch, const char *tag,
	      char id[GIT_HEX_SIZE], struct err *e);
