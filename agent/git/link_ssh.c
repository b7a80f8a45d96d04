/*
 * link_ssh - libgit2's "smart" protocol over a gitssh session: one stream for the advertisement and
 * the pack. Depends on: libgit2, gitssh.
 */
#include "agent/git/link_internal.h"

#include "common/gitssh.h"
#include "common/mem.h"

#include <string.h>

struct stream {
	git_smart_subtransport_stream parent; /* first: libgit2 casts */
	struct link *link;
	struct gitssh *ssh;
	uint64_t read_bytes;
	struct stream **slot; /* where the subtransport remembers it */
};

struct subtransport {
	git_smart_subtransport parent;
	struct link *link;
	struct stream *stream; /* borrowed: libgit2 frees it */
};

static int read_stream(git_smart_subtransport_stream *parent, char *buf, size_t size, size_t *got)
{
	struct stream *s = (struct stream *)parent;

	*got = 0;
	if (gitssh_read(s->ssh, buf, size, got, &s->link->err) < 0)
		return link_failed(s->link);
	if (*got == 0 && s->read_bytes == 0) {
		(void)gitssh_ended(s->ssh, &s->link->err);
		return link_failed(s->link);
	}
	s->read_bytes += *got;
	return link_count(s->link, *got) < 0 ? link_failed(s->link) : 0;
}

static int write_stream(git_smart_subtransport_stream *parent, const char *buf, size_t len)
{
	struct stream *s = (struct stream *)parent;

	return gitssh_write(s->ssh, buf, len, &s->link->err) < 0 ? link_failed(s->link) : 0;
}

static void free_stream(git_smart_subtransport_stream *parent)
{
	struct stream *s = (struct stream *)parent;

	*s->slot = NULL;
	gitssh_close(s->ssh);
	free(s);
}

static int action(git_smart_subtransport_stream **out, git_smart_subtransport *parent,
		  const char *url, git_smart_service_t service)
{
	struct subtransport *t = (struct subtransport *)parent;
	const struct source_config *src = t->link->src;
	struct gitssh_options o = {.url = src->url, /* not libgit2's copy: it may be rewritten */
				   .username = src->username,
				   .key_file = src->ssh_key_file,
				   .known_hosts_file = src->known_hosts_file,
				   .timeout_ms = (int)deadline_left_ms(t->link->deadline)};

	(void)url;
	if (service == GIT_SERVICE_UPLOADPACK && t->stream) {
		*out = &t->stream->parent; /* the same session goes on */
		return 0;
	}
	if (service != GIT_SERVICE_UPLOADPACK_LS)
		return -1; /* nothing is ever pushed */
	struct gitssh *ssh = NULL;
	if (gitssh_open(&o, &ssh, &t->link->err) < 0)
		return link_failed(t->link);
	struct stream *s = xcalloc(1, sizeof(*s));
	s->parent = (git_smart_subtransport_stream){parent, read_stream, write_stream, free_stream};
	s->link = t->link;
	s->ssh = ssh;
	s->slot = &t->stream;
	t->stream = s;
	*out = &s->parent;
	return 0;
}

static int close_nothing(git_smart_subtransport *parent)
{
	(void)parent;
	return 0;
}

static void free_subtransport(git_smart_subtransport *parent)
{
	free(parent);
}

int link_ssh_new(git_smart_subtransport **out, git_transport *owner, void *link)
{
	struct subtransport *t = xcalloc(1, sizeof(*t));

	(void)owner;
	t->parent = (git_smart_subtransport){action, close_nothing, free_subtransport};
	t->link = link;
	*out = &t->parent;
	return 0;
}
