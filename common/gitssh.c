/*
 * gitssh - git-upload-pack in an ssh session: opening, reading, writing, asking for refs.
 * Depends on: libssh2, gitwire, giturl.
 */
#include "common/gitssh_internal.h"

#include "common/gitwire.h"
#include "common/mem.h"
#include "common/str.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LS_MAX = 64 * 1024 * 1024, PIECE = 32 * 1024, SAID_MAX = 1024 };

/* Quoted for the shell of the other side, as git does. */
static char *command(const char *path)
{
	struct str s = STR_INIT;

	str_add(&s, "git-upload-pack '");
	for (; *path != '\0'; path++) {
		if (*path == '\'' || *path == '!')
			str_addf(&s, "'\\%c'", *path);
		else
			str_addc(&s, *path);
	}
	str_addc(&s, '\'');
	return str_take(&s);
}

static int start(struct gitssh *s, struct err *e)
{
	auto_free char *text = command(s->url.path);

	if (gitssh_arm(s, e) < 0)
		return -1;
	s->channel = libssh2_channel_open_session(s->session);
	if (!s->channel)
		return gitssh_broke(s, "opening a channel", e);
	if (gitssh_arm(s, e) < 0)
		return -1;
	if (libssh2_channel_exec(s->channel, text) != 0)
		return gitssh_broke(s, "starting git-upload-pack", e);
	return 0;
}

int gitssh_open(const struct gitssh_options *o, struct gitssh **out, struct err *e)
{
	auto_gitssh struct gitssh *s = xcalloc(1, sizeof(*s));

	s->o = *o;
	s->fd = -1;
	s->deadline = deadline_in(o->timeout_ms);
	s->shown = giturl_show(o->url);
	if (giturl_parse(o->url, &s->url, e) < 0)
		return -1;
	if (s->url.kind != GITURL_SSH)
		return err_set(e, ERR_USAGE, 0, "%s is no ssh address", s->shown);
	if (libssh2_init(0) != 0)
		return err_set(e, ERR_BROKEN, 0, "libssh2 cannot be initialised");
	s->session = libssh2_session_init();
	if (!s->session)
		abort(); /* only for want of memory */
	if (gitssh_login(s, e) < 0 || start(s, e) < 0)
		return -1;
	*out = TAKE(s);
	return 0;
}

int gitssh_read(struct gitssh *s, char *buf, size_t n, size_t *got, struct err *e)
{
	if (gitssh_arm(s, e) < 0)
		return -1;
	ssize_t len = libssh2_channel_read(s->channel, buf, n);
	if (len < 0)
		return gitssh_broke(s, "reading", e);
	*got = (size_t)len;
	return 0;
}

int gitssh_write(struct gitssh *s, const char *buf, size_t n, struct err *e)
{
	while (n > 0) {
		if (gitssh_arm(s, e) < 0)
			return -1;
		ssize_t len = libssh2_channel_write(s->channel, buf, n);

		if (len < 0)
			return gitssh_broke(s, "writing", e);
		buf += len;
		n -= (size_t)len;
	}
	return 0;
}

int gitssh_ended(struct gitssh *s, struct err *e)
{
	char raw[SAID_MAX + 1];

	if (gitssh_arm(s, e) < 0)
		return -1;
	ssize_t n = libssh2_channel_read_stderr(s->channel, raw, SAID_MAX);
	raw[n > 0 ? n : 0] = '\0';
	for (char *c = raw; *c != '\0'; c++) {
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	auto_free char *said = str_printable(raw, 300);
	/* git's words for a wrong path, and those of the common servers */
	if (strstr(raw, "not appear to be a git repo") || strstr(raw, "not found") ||
	    strstr(raw, "not be found") || strstr(raw, "does not exist"))
		return err_set(e, ERR_USAGE, 0,
			       "%s is not there; check source.url. The server says: %s", s->shown,
			       said);
	return err_set(e, ERR_RETRY, 0, "%s ended the connection%s%s", s->shown,
		       raw[0] != '\0' ? " and says: " : "", said);
}

void gitssh_close(struct gitssh *s)
{
	struct err ignored = ERR_INIT;

	/* Politely, but never longer than the deadline allows. */
	if (s->channel) {
		if (gitssh_arm(s, &ignored) == 0)
			(void)libssh2_channel_send_eof(s->channel);
		(void)libssh2_channel_free(s->channel);
	}
	if (s->session) {
		if (s->fd >= 0 && gitssh_arm(s, &ignored) == 0)
			(void)libssh2_session_disconnect(s->session, "done");
		(void)libssh2_session_free(s->session);
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	giturl_done(&s->url);
	free(s->shown);
	free(s);
}

int gitssh_ls(const struct gitssh_options *o, const char *branch, const char *tag,
	      char id[GIT_HEX_SIZE], struct err *e)
{
	auto_gitssh struct gitssh *s = NULL;
	auto_refpick struct refpick pick;
	auto_free char *buf = NULL;
	size_t total = 0, got = 0;

	refpick_init(&pick, branch, tag);
	if (gitssh_open(o, &s, e) < 0 || !s)
		return -1;
	auto_gitwire_refs struct gitwire_refs refs = {.pick = &pick, .where = s->shown};
	buf = xmalloc(PIECE);
	while (!refs.done) {
		if (gitssh_read(s, buf, PIECE, &got, e) < 0)
			return -1;
		if (got == 0)
			return gitssh_ended(s, e);
		total += got;
		if (total > LS_MAX)
			return err_set(e, ERR_RETRY, 0, "%s sends more than %d MiB of refs",
				       s->shown, LS_MAX / 1024 / 1024);
		if (gitwire_feed(&refs, buf, got, e) < 0)
			return -1;
	}
	(void)gitssh_write(s, "0000", 4, e); /* goodbye: nothing is wanted */
	memcpy(id, pick.id, GIT_HEX_SIZE);
	return 0;
}
