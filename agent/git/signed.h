/*
 * signed - what is signed in a commit or an annotated tag, and the signature, out of the object's
 * bytes. Strict: an object that Git would also read in another way is refused. No library, no I/O.
 * Depends on: common.
 */
#pragma once

#include "agent/model/generation.h"
#include "common/auto.h"
#include "common/err.h"
#include "common/str.h"

#include <stddef.h>

enum {
	SIGNED_MAX_BYTES = 64 * 1024,    /* of a commit or tag */
	SIGNATURE_MAX_BYTES = 16 * 1024, /* of a signature */
	SIGNED_PARENTS_MAX = 64,
};

enum signature_kind { SIGNATURE_NONE, SIGNATURE_SSH, SIGNATURE_OPENPGP };

struct signed_object {
	char target[OBJECT_ID_SIZE]; /* of a commit its tree, of a tag the commit */
	size_t n_parents;
	char *tag; /* a tag's own name */
	enum signature_kind kind;
	struct str payload;   /* what was signed; text without a zero */
	struct str signature; /* armored; empty if there is none */
};

/*
 * ERR_REJECTED: too long, not in Git's form, more than one signature, or one of a kind that is not
 * checked here (X.509). No signature is no error. out is to be freed with signed_object_done() in
 * either case; it is zeroed before.
 */
int signed_parse_commit(const char *raw, size_t len, struct signed_object *out, struct err *e);
int signed_parse_tag(const char *raw, size_t len, struct signed_object *out, struct err *e);
void signed_object_done(struct signed_object *o);
#define auto_signed_object AUTO(signed_object_done)
