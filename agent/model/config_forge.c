/*
 * config_forge - the key `forge` as a whole: what is not given is made from source.url.
 * Depends on: common, keys, config.
 */
#include "agent/model/config_parts.h"

#include "common/mem.h"
#include "common/str.h"

#include <string.h>

static const struct {
	const char *host;
	enum forge_kind kind;
	const char *api;
} known[] = {
	{"github.com", FORGE_GITHUB, "https://api.github.com"},
	{"gitlab.com", FORGE_GITLAB, "https://gitlab.com/api/v4"},
	{"codeberg.org", FORGE_FORGEJO, "https://codeberg.org/api/v1"},
};

static const char *api_path(enum forge_kind k)
{
	switch (k) {
	case FORGE_GITLAB:
		return "/api/v4";
	case FORGE_GITHUB:
		return "/api/v3";
	default:
		return "/api/v1";
	}
}

/* "host", "host:port" (https only) and "owner/name" of the source; both freed by the caller. */
static void split_source(const struct source_config *s, char **server, char **repo)
{
	const char *rest = strstr(s->url, "://");
	bool scp = !rest && s->kind == SOURCE_SSH;

	*server = *repo = NULL;
	if (s->kind != SOURCE_HTTP && s->kind != SOURCE_SSH)
		return;
	rest = rest ? rest + 3 : s->url;
	const char *at = strchr(rest, '@');
	size_t end = strcspn(rest, "/");
	if (at && at < rest + end)
		rest = at + 1;
	end = strcspn(rest, scp ? ":" : "/");
	/* The port of ssh is not that of the web server. */
	size_t host = s->kind == SOURCE_HTTP ? end : strcspn(rest, ":/");
	*server = xstrndup(rest, host);
	const char *path = rest + end + strspn(rest + end, "/:");
	size_t n = strlen(path);
	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n > 4 && strncmp(path + n - 4, ".git", 4) == 0)
		n -= 4;
	*repo = xstrndup(path, n);
}

static void fill_url(struct forge_config *f, const char *server, const struct source_config *s)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (strcmp(known[i].host, server) == 0 && known[i].kind == f->kind) {
			f->url = xstrdup(known[i].api);
			return;
		}
	}
	bool plain = s->kind == SOURCE_HTTP && str_starts(s->url, "http://");

	f->url = xasprintf("%s://%s%s", plain ? "http" : "https", server, api_path(f->kind));
}

/* The API's path may be left out, but for GitHub, where it has none. */
static void complete_url(struct forge_config *f)
{
	auto_free char *given = f->url;
	size_t n = strlen(given);

	while (n > 0 && given[n - 1] == '/')
		n--;
	given[n] = '\0';
	bool whole = f->kind == FORGE_GITHUB || strstr(given, "/api/");
	f->url = xasprintf("%s%s", given, whole ? "" : api_path(f->kind));
}

static bool is_repo(const char *text)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";

	return strchr(text, '/') && text[strspn(text, letters)] == '\0' && text[0] != '/' &&
	       !str_ends(text, "/") && !strstr(text, "..") && !strstr(text, "//");
}

/* What neither the file nor source.url tells. */
static int check_missing(const struct yaml_node *v, const struct key_context *c,
			 const struct forge_config *f, const char *server)
{
	if (f->kind == FORGE_NONE)
		return key_refuse(v, c, "kind is missing: github, gitea, forgejo or gitlab");
	if (!f->token_file)
		return key_refuse(v, c,
				  "token_file is missing: a forge takes no status from strangers");
	if (!f->url && !server)
		return key_refuse(v, c, "url is missing: source.url does not name a server");
	return 0;
}

int config_check_forge(const struct yaml_node *root, const struct key_context *c,
		       const struct source_config *s, struct forge_config *f)
{
	const struct yaml_node *v = yaml_get(root, "forge");
	auto_free char *server = NULL, *repo = NULL;
	struct key_context at = *c;

	if (!v || v->kind != YAML_MAP || v->n == 0)
		return 0;
	at.key = "forge";
	if (s->url)
		split_source(s, &server, &repo);
	for (size_t i = 0; i < COUNT_OF(known) && f->kind == FORGE_NONE; i++)
		if (str_eq(known[i].host, server))
			f->kind = known[i].kind;
	if (check_missing(v, &at, f, server) < 0)
		return -1;
	if (f->url)
		complete_url(f);
	else if (server)
		fill_url(f, server, s);
	if (config_check_report_url(v, &at, f->url, f->allow_http) < 0)
		return -1;
	if (!f->repo)
		f->repo = TAKE(repo);
	if (!f->repo || !is_repo(f->repo))
		return key_refuse(v, &at, "repo: expected owner/name of the repository there");
	return 0;
}
