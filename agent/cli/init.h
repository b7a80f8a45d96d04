/*
 * init - the parts of the verb `init`: the commented settings file, and a bare repository to push
 * to. Depends on: model, common.
 */
#pragma once

#include "common/err.h"
#include "common/str.h"

#include <stdbool.h>

/* init_text.c: agent.yaml with every key, its help and its default; only url and branch are set.
 * url may be NULL. */
void init_text(struct str *out, const char *url, const char *branch);

/* Beside the settings, in place_settings_dir(). */
#define INIT_SSH_KEY     "id_ed25519"
#define INIT_KNOWN_HOSTS "known_hosts"
bool init_is_ssh(const char *url); /* ssh://... or git@host:path */

struct init_bare {
	const char *dir; /* absolute */
	const char *branch;
	const char *config; /* settings file the hook is to use, absolute; NULL: the usual one */
	bool force;         /* replace a post-receive hook that is not ours */
};
/*
 * init_bare.c: make a bare repository (or take the one that is there) whose post-receive hook pokes
 * the agent. ERR_USAGE: the directory holds something else, or git is missing.
 */
int init_bare(const struct init_bare *b, struct err *e);
