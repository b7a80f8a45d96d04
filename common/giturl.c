/*
 * giturl - splitting repository addresses. Passwords in addresses are never shown; agent.yaml
 * refuses them. Depends on: err, mem, str.
 */
#include "common/giturl.h"

#include "common/mem.h"
#include "common/str.h"

#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 2048 };

static const struct {
	const char *prefix;
	enum giturl_kind kind;
} schemes[] = {
	{"file://", GITURL_FILE}, {"https://", GITURL_HTTP},  {"http://", GITURL_HTTP},
	{"ssh://", GITURL_SSH},   {"git+ssh://", GITURL_SSH},
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "%20" to " "; what is no escape stays. In place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
			*to++ = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* ":22" up to end; nothing is fine too. */
static bool take_port(const char *s, const char *end, struct giturl *u)
{
	char *rest = NULL;

	if (s == end)
		return true;
	if (*s != ':' || s[1] < '0' || s[1] > '9')
		return false;
	long port = strtol(s + 1, &rest, 10);
	if (port < 1 || port > 65535 || rest != end)
		return false;
	u->port = (int)port;
	return true;
}

/* "[user[:password]@]host[:port]" of n bytes. */
static bool take_authority(const char *s, size_t n, struct giturl *u)
{
	const char *end = s + n, *at = memrchr(s, '@', n);

	if (at) {
		u->user = xstrndup(s, strcspn(s, ":@"));
		s = at + 1;
	}
	bool bracket = s < end && *s == '[';
	const char *stop = memchr(s, bracket ? ']' : ':', (size_t)(end - s));
	if (!stop && bracket)
		return false;
	if (!stop)
		stop = end;
	u->host = xstrndup(s + bracket, (size_t)(stop - s) - bracket);
	/* A host that begins with "-" is an option to somebody, sometime. */
	if (u->host[0] == '\0' || u->host[0] == '-' || (u->user && u->user[0] == '-'))
		return false;
	return take_port(stop + bracket, end, u);
}

static bool take_url(const char *rest, enum giturl_kind kind, struct giturl *u)
{
	size_t n = strcspn(rest, "/");

	u->kind = kind;
	if (kind == GITURL_FILE) {
		if (rest[0] != '/')
			return false;
		u->path = xstrdup(rest);
		unescape(u->path);
		return true;
	}
	if (!take_authority(rest, n, u))
		return false;
	/* ssh://host/~user/x names a path in a home directory: the shell of the other side wants
	 * "~user/x". */
	bool home = kind == GITURL_SSH && strncmp(rest + n, "/~", 2) == 0;
	u->path = xstrdup(rest[n] == '\0' ? "/" : rest + n + home);
	if (kind == GITURL_SSH)
		unescape(u->path);
	return true;
}

/* user@host:path */
static bool take_scp(const char *url, struct giturl *u)
{
	const char *colon = url[strcspn(url, ":/")] == ':' ? strchr(url, ':') : NULL;

	if (!colon || colon[1] == '\0')
		return false;
	u->kind = GITURL_SSH;
	u->path = xstrdup(colon + 1);
	return take_authority(url, (size_t)(colon - url), u);
}

static bool take(const char *url, struct giturl *u)
{
	if (url[0] == '/') {
		u->kind = GITURL_FILE;
		u->path = xstrdup(url);
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		if (str_starts(url, schemes[i].prefix))
			return take_url(url + strlen(schemes[i].prefix), schemes[i].kind, u);
	}
	return !strstr(url, "://") && take_scp(url, u);
}

static bool has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	}
	return false;
}

int giturl_parse(const char *url, struct giturl *out, struct err *e)
{
	auto_giturl struct giturl u = {.kind = GITURL_FILE};

	if (strnlen(url, URL_MAX + 1) > URL_MAX)
		return err_set(e, ERR_USAGE, 0, "source.url is longer than %d bytes", URL_MAX);
	if (has_control(url) || !take(url, &u) || has_control(u.path) ||
	    (u.user && has_control(u.user))) {
		auto_free char *shown = giturl_show(url);

		return err_set(
			e, ERR_USAGE, 0,
			"source.url %s is no address of a repository: write https://host/path, "
			"ssh://user@host/path, user@host:path or /path",
			shown);
	}
	*out = u;
	u = (struct giturl){.kind = GITURL_FILE};
	return 0;
}

void giturl_done(struct giturl *u)
{
	free(u->user);
	free(u->host);
	free(u->path);
}

char *giturl_show(const char *url)
{
	const char *start = strstr(url, "://");

	if (!start)
		return str_printable(url, URL_MAX); /* user@host:path has no password */
	start += 3;
	size_t n = strcspn(start, "/");
	const char *at = memrchr(start, '@', n);
	auto_free char *bare = xasprintf("%.*s%s", (int)(start - url), url, at ? at + 1 : start);
	return str_printable(bare, URL_MAX);
}
