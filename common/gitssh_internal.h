/*
 * gitssh_internal - what gitssh.c and gitssh_session.c share. Nobody else includes it.
 */
#pragma once

#include "common/clock.h"
#include "common/gitssh.h"
#include "common/giturl.h"

#include <libssh2.h>

struct gitssh {
	struct gitssh_options o;
	struct giturl url;
	char *shown; /* the url, for messages */
	int fd;
	struct deadline deadline;
	LIBSSH2_SESSION *session;
	LIBSSH2_CHANNEL *channel;
};

/* TCP connection to the host of s->url within the deadline. */
int gitssh_connect(struct gitssh *s, struct err *e);
/* Handshake with the host key types that known_hosts lists, check of the host key, authentication.
 */
int gitssh_login(struct gitssh *s, struct err *e);

/* Before every call into libssh2: what is left of the deadline. ERR_RETRY when it is over. */
int gitssh_arm(struct gitssh *s, struct err *e);
/* The session's last error as ERR_RETRY, with `what` we were doing. Always returns -1. */
int gitssh_broke(struct gitssh *s, const char *what, struct err *e);
