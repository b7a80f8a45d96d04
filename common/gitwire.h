/*
 * gitwire - Git's packet lines: writing requests, and reading what a server advertises, piece by
 * piece and bounded. Depends on: err, mem, str, refpick.
 */
#pragma once

#include "common/err.h"
#include "common/refpick.h"
#include "common/str.h"

#include <stdbool.h>
#include <stddef.h>

enum gitwire_kind {
	GITWIRE_MORE, /* the packet is not complete yet */
	GITWIRE_BAD,  /* this is no packet */
	GITWIRE_DATA,
	GITWIRE_FLUSH, /* 0000 */
	GITWIRE_DELIM, /* 0001 */
	GITWIRE_END,   /* 0002 */
};

struct gitwire_packet {
	const char *data; /* borrowed from the buffer; without the final newline */
	size_t len;
	size_t size; /* bytes of the buffer that the packet takes */
};

/* The packet at the start of n bytes. */
enum gitwire_kind gitwire_take(const char *buf, size_t n, struct gitwire_packet *out);

void gitwire_add(struct str *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gitwire_add_flush(struct str *to);
void gitwire_add_delim(struct str *to);

/* The request of protocol 2 that asks for the refs p may want. format: "sha256" for such a
 * repository, else "". */
void gitwire_add_ls_refs(struct str *to, const struct refpick *p, const char *format);

/* Reads an advertisement (protocol 0 or 2, over http or ssh) or the answer to ls-refs. */
struct gitwire_refs {
	struct refpick *pick; /* where refs are offered */
	const char *where;    /* the server, for messages */
	bool v2;              /* the server speaks protocol 2: no refs were listed */
	bool done;            /* the flush at the end was seen */
	bool answer;          /* set by the caller: this is an answer to ls-refs; it may be empty */
	char format[8];       /* "sha256", or "" */
	bool service, begun;  /* own state from here on */
	size_t packets;
	struct str rest;
};

/* Feed what arrived. ERR_RETRY if it is not Git's protocol, is without end, or the server reports
 * an error. */
int gitwire_feed(struct gitwire_refs *r, const char *data, size_t n, struct err *e);
/* After the last piece: ERR_RETRY if the end is missing. */
int gitwire_finish(const struct gitwire_refs *r, struct err *e);
void gitwire_refs_done(struct gitwire_refs *r);
#define auto_gitwire_refs AUTO(gitwire_refs_done)
