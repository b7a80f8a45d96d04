/*
 * config_url - which URLs a source may have, and what each kind needs beside it.
 * Depends on: common, keys, config.
 */
#include "agent/model/config_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>

/* The authority of "scheme://user@host:port/path": user may be NULL. Both freed by the caller. */
void config_split_authority(const char *rest, char **user, char **host)
{
	size_t len = strcspn(rest, "/?#");
	auto_free char *authority = xstrndup(rest, len);
	char *at = strrchr(authority, '@');

	*user = at ? xstrndup(authority, (size_t)(at - authority)) : NULL;
	const char *from = at ? at + 1 : authority;
	size_t n = from[0] == '[' ? strcspn(from, "]") + 1 : strcspn(from, ":");
	*host = xstrndup(from, n < strlen(from) ? n : strlen(from));
}

/* Only names and addresses that never leave this machine: a DNS name such as localhost.example.org
 * is not one. */
bool config_is_loopback(const char *host)
{
	if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	if (strncmp(host, "127.", 4) != 0 || host[strspn(host, "0123456789.")] != '\0')
		return false;
	int dots = 0;
	for (const char *p = host; *p; p++)
		dots += *p == '.';
	return dots == 3;
}

static int check_http(const struct yaml_node *v, const struct key_context *c,
		      struct source_config *s)
{
	bool plain = str_starts(s->url, "http://");
	auto_free char *user = NULL;
	auto_free char *host = NULL;

	config_split_authority(s->url + (plain ? 7 : 8), &user, &host);
	if (user && strchr(user, ':'))
		return key_refuse(
			v, c,
			"source.url contains a password: put it into a file of mode 0600 and name that "
			"as source.token_file");
	if (user)
		return key_refuse(v, c,
				  "source.url contains a user name: set source.username instead");
	if (host[0] == '\0')
		return key_refuse(v, c, "source.url has no host");
	if (plain && !config_is_loopback(host))
		return key_refuse(
			v, c,
			"source.url: http:// is only allowed to this host itself, as anybody on the way "
			"could change what is deployed; use https:// or ssh://");
	s->kind = SOURCE_HTTP;
	if (!s->username)
		s->username = xstrdup("git");
	return 0;
}

static int check_ssh(const struct yaml_node *v, const struct key_context *c,
		     struct source_config *s)
{
	auto_free char *user = NULL;
	auto_free char *host = NULL;

	if (str_starts(s->url, "ssh://"))
		config_split_authority(s->url + 6, &user, &host);
	else
		config_split_authority(s->url, &user, &host);
	if (user && strchr(user, ':'))
		return key_refuse(v, c, "source.url contains a password: use source.ssh_key_file");
	if (host[0] == '\0' || host[0] == '-')
		return key_refuse(v, c, "source.url has no valid host");
	if (user && user[0] == '-')
		return key_refuse(v, c, "source.url has no valid user name");
	s->kind = SOURCE_SSH;
	if (!s->ssh_key_file)
		return key_refuse(
			v, c,
			"an ssh source needs source.ssh_key_file: make a key with `ssh-keygen -t ed25519 -N "
			"'' -f /etc/mdc-agent/id_ed25519` and add the .pub file to the repository's "
			"deploy keys");
	if (!s->known_hosts_file)
		return key_refuse(
			v, c,
			"an ssh source needs source.known_hosts_file: make it with `ssh-keyscan %s > "
			"/etc/mdc-agent/known_hosts` and compare the fingerprint with the server's",
			host);
	if (user || !s->username) {
		free(s->username);
		s->username = user && user[0] ? xstrdup(user) : xstrdup("git");
	}
	return 0;
}

static int check_file(const struct yaml_node *v, const struct key_context *c,
		      struct source_config *s)
{
	const char *path = str_starts(s->url, "file://") ? s->url + 7 : s->url;

	if (path[0] != '/' || path[1] == '\0')
		return key_refuse(v, c, "source.url: a file URL is file:///absolute/path/repo.git");
	s->kind = SOURCE_FILE;
	return 0;
}

/* "git@host:path": a colon before any slash, and no "//" after it. */
static bool is_scp_like(const char *url)
{
	size_t n = strcspn(url, ":/");

	return url[n] == ':' && n > 0 && url[n + 1] && url[n + 1] != '/';
}

static int check_url(const struct yaml_node *v, const struct key_context *c,
		     struct source_config *s)
{
	for (const char *p = s->url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return key_refuse(v, c,
					  "source.url contains a space or a control character");
	if (str_starts(s->url, "https://") || str_starts(s->url, "http://"))
		return check_http(v, c, s);
	if (str_starts(s->url, "file://") || s->url[0] == '/')
		return check_file(v, c, s);
	if (str_starts(s->url, "ssh://") || (is_scp_like(s->url) && !strstr(s->url, "://")))
		return check_ssh(v, c, s);
	return key_refuse(v, c,
			  "source.url: expected https://host/repo.git, ssh://git@host/repo.git, "
			  "git@host:repo.git or file:///path/repo.git, not '%s'",
			  strchr(s->url, '@') ? "what stands here"
					      : s->url); /* no password in a log */
}

/* A key that the URL's kind does not use is a misunderstanding worth a word. */
static int check_unused(const struct yaml_node *source, const struct key_context *c,
			const struct source_config *s)
{
	static const struct {
		const char *key;
		enum source_kind kind;
		const char *what;
	} rows[] = {
		{"token_file", SOURCE_HTTP, "https"},
		{"ca_file", SOURCE_HTTP, "https"},
		{"ssh_key_file", SOURCE_SSH, "ssh"},
		{"known_hosts_file", SOURCE_SSH, "ssh"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct yaml_node *v = yaml_get(source, rows[i].key);
		if (v && s->kind != rows[i].kind && s->kind != SOURCE_NONE)
			return key_refuse(v, c, "source.%s is only used with an %s URL: remove it",
					  rows[i].key, rows[i].what);
	}
	return 0;
}

int config_check_source(const struct yaml_node *root, const struct key_context *c,
			struct source_config *s)
{
	const struct yaml_node *source = yaml_get(root, "source");
	const struct yaml_node *url = yaml_get(source, "url");
	int rc = 0;

	if (s->branch && s->tag)
		rc = key_refuse(yaml_get(source, "tag"), c,
				"source.tag and source.branch are both given: keep one");
	if (s->url) {
		rc |= check_url(url, c, s);
		rc |= check_unused(source, c, s);
	} else if (source && source->kind == YAML_MAP && source->n > 0) {
		rc |= key_refuse(source, c,
				 "source has no url: give it, such as "
				 "https://git.example.org/me/homelab.git, or remove source");
	}
	return rc < 0 ? -1 : 0;
}
