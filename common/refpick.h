/*
 * refpick - which of a repository's refs is meant: a branch, or the newest tag that matches a
 * pattern. The same rules for a directory, http and ssh. Depends on: mem.
 */
#pragma once

#include "common/auto.h"

#include <stdbool.h>
#include <stddef.h>

enum { GIT_HEX_SIZE = 65 }; /* hex of an object id (SHA-1 or SHA-256) and a zero */

struct refpick {
	const char *branch;    /* borrowed; ignored when tag is set */
	const char *tag;       /* borrowed: a shell pattern, "*" also matches "/" */
	char id[GIT_HEX_SIZE]; /* "" as long as nothing fits; of an annotated tag: the commit, where
				  it is known */
	char object[GIT_HEX_SIZE]; /* what the ref itself names: of an annotated tag the tag */
	char *name;                /* the ref that was picked, or NULL */
};

void refpick_init(struct refpick *p, const char *branch, const char *tag);
void refpick_done(struct refpick *p);
#define auto_refpick AUTO(refpick_done)

/*
 * Offer a ref; the better one stays (for tags: strverscmp order, so v1.10 is newer than v1.9; of
 * two offers of one name the later). peeled: the id an annotated tag points at, or NULL.
 * "refs/tags/x^{}" as servers of protocol 0 send it after "refs/tags/x" gives the peeled id.
 */
void refpick_offer(struct refpick *p, const char *name, const char *id, const char *peeled);

/* What every ref that can fit begins with: "refs/heads/main", "refs/tags/deploy/". The caller
 * frees. */
char *refpick_prefix(const struct refpick *p);

bool refpick_is_id(const char *s, size_t len); /* 40 or 64 lower-case hex digits */
