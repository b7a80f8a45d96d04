/*
 * knownhosts - which host keys a known_hosts file lists for a host: plain, hashed and [host]:port
 * names, patterns, negations and @revoked. Nothing is ever added: there is no trust on first use.
 * Depends on: err, mem, file, libcrypto.
 */
#pragma once

#include "common/err.h"
#include "common/strv.h"

#include <stddef.h>

enum knownhosts_answer {
	KNOWNHOSTS_MATCH,
	KNOWNHOSTS_UNLISTED, /* the host is not there, or not with a key of this type */
	KNOWNHOSTS_CHANGED,  /* another key of this type is listed */
	KNOWNHOSTS_REVOKED,
};

struct knownhosts {
	char *text;
	char *host, *host_port; /* "host" and "[host]:port"; the first only counts for port 22 */
};

/* Read the file (at most 4 MiB) for questions about one host. ERR_USAGE if it cannot be read. */
int knownhosts_open(const char *file, const char *host, int port, struct knownhosts *out,
		    struct err *e);
void knownhosts_done(struct knownhosts *k);
#define auto_knownhosts AUTO(knownhosts_done)

/* Key types listed for the host ("ssh-ed25519"), each once, in the file's order. */
void knownhosts_types(const struct knownhosts *k, struct strv *types);

/* Is this the key? key is the raw blob as the server sends it; its type stands in its first bytes.
 */
enum knownhosts_answer knownhosts_check(const struct knownhosts *k, const void *key, size_t len);
