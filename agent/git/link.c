/*
 * link - a conversation between libgit2 and a server over transports of our own: libgit2 1.5 has no
 * timeouts, its https costs nine times the instructions, and its ssh trusts the known_hosts of the
 * home directory. Depends on: libgit2, link_http, link_ssh.
 */
#include "agent/git/link_internal.h"

#include "common/duration.h"
#include "common/mem.h"

#include <string.h>
#include <sys/resource.h>

struct link *link_new(const struct source_config *src)
{
	struct link *l = xcalloc(1, sizeof(*l));
	size_t len = strlen(src->url);
	struct rlimit limit;

	while (len > 0 && src->url[len - 1] == '/')
		len--;
	l->src = src;
	l->deadline = deadline_in(src->timeout_ms);
	l->base = xstrndup(src->url, len);
	l->max_bytes = UINT64_MAX;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		l->max_bytes = limit.rlim_cur - limit.rlim_cur / 8;
	return l;
}

void link_free(struct link *l)
{
	if (l->multi)
		(void)curl_multi_cleanup(l->multi);
	if (l->token)
		explicit_bzero(l->token, strlen(l->token));
	free(l->token);
	free(l->base);
	free(l);
}

const struct err *link_error(const struct link *l)
{
	return &l->err;
}

int link_failed(const struct link *l)
{
	(void)git_error_set_str(GIT_ERROR_NET, l->err.cause);
	return -1;
}

int link_count(struct link *l, size_t n)
{
	l->received_bytes += n;
	/* The pack is written to one file, which may not grow beyond the limit, and libgit2 makes
	 * it a little larger than what came; so say it before a write fails. */
	if (l->received_bytes >= l->max_bytes) {
		char limit[32];

		return err_set(&l->err, ERR_REJECTED, 0,
			       "the repository is too large: its pack has more than the %s allowed",
			       size_text(l->max_bytes, limit, sizeof(limit)));
	}
	return 0;
}

int link_transport(git_transport **out, git_remote *owner, void *link)
{
	struct link *l = link;
	git_smart_subtransport_definition http = {link_http_new, 1, l};
	git_smart_subtransport_definition ssh = {link_ssh_new, 0, l};

	return git_transport_smart(out, owner, l->src->kind == SOURCE_SSH ? &ssh : &http);
}
