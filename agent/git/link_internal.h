/*
 * link_internal - what the two transports share. Only agent/git/link*.c include it.
 */
#pragma once

#include "agent/git/repo_internal.h"
#include "common/clock.h"

#include <curl/curl.h>
#include <git2/sys/transport.h>

struct gitssh;

struct link {
	const struct source_config *src;
	struct deadline deadline; /* of the whole conversation */
	struct err err;
	char *base;   /* http: the URL without a final slash */
	char *token;  /* http: or NULL */
	CURLM *multi; /* keeps the connection between the requests */
	uint64_t received_bytes, max_bytes;
};

/* Subtransports for git_smart_subtransport_definition; param is the link. */
int link_http_new(git_smart_subtransport **out, git_transport *owner, void *link);
int link_ssh_new(git_smart_subtransport **out, git_transport *owner, void *link);

/* Tell libgit2 too, so that its own messages are never stale. Always returns -1. */
int link_failed(const struct link *l);

/* Count what arrived; -1 with l->err when it is more than this process may write to a file. */
int link_count(struct link *l, size_t n);
