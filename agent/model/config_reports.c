/*
 * config_reports - the keys `webhooks` and `forge` of agent.yaml: their tables and what only makes
 * sense of several of them together.
 * Depends on: common, keys, config, event, template.
 * To add a format: its name in enum report_format and in `formats`, what it needs in `needs`, and a
 * row in agent/notify/formats.c.
 */
#include "agent/model/config_parts.h"

#include "agent/model/event.h"
#include "agent/model/template.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <fnmatch.h>
#include <string.h>
#include <syslog.h>

enum { WEBHOOKS_MAX = 32, NAME_MAX_BYTES = 63, PATTERNS_MAX = 64 };

static const char *const formats[FORMAT_COUNT] = {
	[FORMAT_CLOUDEVENTS] = "cloudevents", [FORMAT_SLACK] = "slack",
	[FORMAT_DISCORD] = "discord",         [FORMAT_NTFY] = "ntfy",
	[FORMAT_GOTIFY] = "gotify",           [FORMAT_MATRIX] = "matrix",
	[FORMAT_TEMPLATE] = "template",
};

const char *report_format_name(enum report_format f)
{
	return (unsigned)f < FORMAT_COUNT ? formats[f] : formats[FORMAT_CLOUDEVENTS];
}

static int set_format(const struct yaml_node *v, void *at, const struct key_context *c)
{
	int i = key_word(v, formats, COUNT_OF(formats), c);

	if (i < 0)
		return -1;
	*(enum report_format *)at = (enum report_format)i;
	return 0;
}

static int set_kind(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const words[] = {"github", "gitea", "forgejo", "gitlab"};
	int i = key_word(v, words, COUNT_OF(words), c);

	if (i < 0)
		return -1;
	*(enum forge_kind *)at = (enum forge_kind)(i + 1);
	return 0;
}

static int set_name(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *text = yaml_text(v);

	if (text && (text[strspn(text, letters)] != '\0' || strchr("-.", text[0]) ||
		     strlen(text) > NAME_MAX_BYTES))
		return key_refuse(v, c,
				  "expected a name of letters, digits, '-', '_' and '.', at most "
				  "%d, such as ops",
				  NAME_MAX_BYTES);
	return key_set_text(v, at, c);
}

/* A pattern that fits no event is a typing mistake. */
static int check_pattern(const struct yaml_node *v, const char *pattern,
			 const struct key_context *c)
{
	const char *glob = pattern[0] == '!' ? pattern + 1 : pattern;
	const char *names[EVENT_COUNT];

	for (int i = 0; i < EVENT_COUNT; i++) {
		names[i] = event_kind((enum event)i)->name;
		if (fnmatch(glob, names[i], 0) == 0)
			return 0;
	}
	const char *nearest = str_nearest(glob, names, COUNT_OF(names));
	return key_refuse(v, c, "no event is called '%s'%s%s%s", glob,
			  nearest ? ": did you mean '" : "; `mdc-agent help --events` lists them",
			  nearest ? nearest : "", nearest ? "'?" : "");
}

static int set_events(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const struct strv *l = at;

	if (key_set_texts(v, at, c) < 0)
		return -1;
	if (l->n > PATTERNS_MAX)
		return key_refuse(v, c, "has more than %d entries", PATTERNS_MAX);
	for (size_t i = 0; i < l->n; i++)
		if (check_pattern(v, l->v[i], c) < 0)
			return -1;
	return 0;
}

static int set_template(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct err why = ERR_INIT;

	if (yaml_text(v) && template_check(yaml_text(v), &why) < 0)
		return key_refuse(v, c, "%s", why.cause);
	return key_set_text(v, at, c);
}

#define AT(member) offsetof(struct webhook_config, member)
const struct key_row config_webhook_rows[] = {
	{"url", "URL", NULL,
	 "Where to send: https://, or http:// to this host itself. ntfy: with the topic; gotify and "
	 "matrix: the server.",
	 key_set_text, AT(url), NULL},
	{"name", "name", "the url's host",
	 "What the receiver is called in `events`, the journal and `mdc-agent deliver`.", set_name,
	 AT(name), NULL},
	{"format", "cloudevents|slack|discord|ntfy|gotify|matrix|template", "cloudevents",
	 "What is sent: CloudEvents 1.0 as JSON, or what that service takes.", set_format,
	 AT(format), NULL},
	{"events", "list of patterns", "[\"*\"]",
	 "Which events; a pattern with ! in front takes some away, such as [\"*\", \"!sync.*\"].",
	 set_events, AT(events), NULL},
	{"secret_file", "absolute path or credential:NAME", NULL,
	 "A file with the secret that signs each request by the Standard Webhooks rules: whsec_ and "
	 "base64, or raw bytes. Its mode must be 0600 or stricter.",
	 config_set_input, AT(secret_file), NULL},
	{"token_file", "absolute path or credential:NAME", NULL,
	 "A file with the access token for ntfy, gotify or matrix. Its mode must be 0600 or stricter.",
	 config_set_input, AT(token_file), NULL},
	{"headers_file", "absolute path or credential:NAME", NULL,
	 "A file with more headers, a line each, such as `Authorization: Bearer ...`. Its mode must "
	 "be 0600 or stricter.",
	 config_set_input, AT(headers_file), NULL},
	{"ca_file", "absolute path", NULL,
	 "Certificate authorities for this receiver, instead of the system's.", config_set_input,
	 AT(ca_file), NULL},
	{"room", "room id", NULL, "matrix: the room, such as !abc:example.org.", key_set_text,
	 AT(room), NULL},
	{"template", "text with {{field}}", NULL,
	 "template: the body, such as '{\"text\": \"{{host}}: {{message}}\"}'.", set_template,
	 AT(text), NULL},
	{"template_file", "absolute path", NULL, "template: the body, from a file.",
	 config_set_path, AT(text_file), NULL},
	{"content_type", "media type", "application/json",
	 "template: the type of the body. Values are escaped for it.", key_set_text,
	 AT(content_type), NULL},
	{"allow_http", "true|false", "false",
	 "Send over http:// to another host, where everybody on the way can read and change it.",
	 key_set_bool, AT(allow_http), NULL},
	{.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct forge_config, member)
const struct key_row config_forge_rows[] = {
	{"kind", "github|gitea|forgejo|gitlab", NULL,
	 "What the forge is. Known by itself for github.com, gitlab.com and codeberg.org.",
	 set_kind, AT(kind), NULL},
	{"url", "URL", NULL,
	 "The forge's API, such as https://git.example.org/api/v1; made from source.url if that is a "
	 "web address or an ssh one of the same host.",
	 key_set_text, AT(url), NULL},
	{"repo", "owner/name", NULL, "The repository on the forge; from source.url if it can be.",
	 key_set_text, AT(repo), NULL},
	{"token_file", "absolute path or credential:NAME", NULL,
	 "A file with a token that may set commit statuses. Its mode must be 0600 or stricter.",
	 config_set_input, AT(token_file), NULL},
	{"ca_file", "absolute path", NULL,
	 "Certificate authorities for the forge, instead of the system's.", config_set_input,
	 AT(ca_file), NULL},
	{"context", "text", NULL,
	 "What the status is called there. Default: mdc-agent/ and the host's name.", key_set_text,
	 AT(context), NULL},
	{"allow_http", "true|false", "false", "As for webhooks.", key_set_bool, AT(allow_http),
	 NULL},
	{.name = NULL},
};
#undef AT

/* ---- one receiver ---- */

/* https, or http that stays here or is allowed; no password in it. The URL itself is never shown:
 * it may hold a secret. */
int config_check_report_url(const struct yaml_node *v, const struct key_context *c, const char *url,
			    bool allow_http)
{
	bool plain = str_starts(url, "http://");
	auto_free char *user = NULL, *host = NULL;

	if (!plain && !str_starts(url, "https://"))
		return key_refuse(v, c, "url: expected https://host/path");
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return key_refuse(v, c, "url contains a space or a control character");
	config_split_authority(url + (plain ? 7 : 8), &user, &host);
	if (user)
		return key_refuse(
			v, c,
			"url contains a user name or password: put an Authorization header into "
			"headers_file");
	if (host[0] == '\0')
		return key_refuse(v, c, "url has no host");
	if (plain && !allow_http && !config_is_loopback(host))
		return key_refuse(
			v, c,
			"url: http:// is only for this host itself, as everybody on the way could "
			"read what is sent; use https://, or set allow_http: true");
	return 0;
}

/* "ops.example.org-8443": the authority, fit for a file name. */
static char *name_of(const char *url)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *rest = strstr(url, "://") + 3;
	size_t n = strcspn(rest, "/?#");
	char *name = xstrndup(rest, n < NAME_MAX_BYTES ? n : NAME_MAX_BYTES);

	for (char *p = name; *p; p++)
		if (!strchr(letters, *p) || (p == name && strchr("-.", *p)))
			*p = p == name ? '_' : '-';
	return name;
}

/* Keys that the format needs, and those it has no use for. */
static int check_format(const struct yaml_node *v, const struct key_context *c,
			const struct webhook_config *w)
{
	const struct {
		const char *key;
		const char *value;
		unsigned int used, needed; /* bits of formats */
	} needs[] = {
		{"token_file", w->token_file,
		 1U << FORMAT_NTFY | 1U << FORMAT_GOTIFY | 1U << FORMAT_MATRIX,
		 1U << FORMAT_GOTIFY | 1U << FORMAT_MATRIX},
		{"room", w->room, 1U << FORMAT_MATRIX, 1U << FORMAT_MATRIX},
		{"template", w->text, 1U << FORMAT_TEMPLATE, 0},
		{"template_file", w->text_file, 1U << FORMAT_TEMPLATE, 0},
		{"content_type", w->content_type, 1U << FORMAT_TEMPLATE, 0},
	};
	const char *format = report_format_name(w->format);

	for (size_t i = 0; i < COUNT_OF(needs); i++) {
		if (!needs[i].value && needs[i].needed >> w->format & 1)
			return key_refuse(v, c, "format %s needs %s", format, needs[i].key);
		if (needs[i].value && !(needs[i].used >> w->format & 1))
			return key_refuse(v, c, "%s is not used with format %s: remove it",
					  needs[i].key, format);
	}
	if (w->format == FORMAT_TEMPLATE && !w->text == !w->text_file)
		return key_refuse(v, c, "format template needs template or template_file%s",
				  w->text ? ", not both" : "");
	return 0;
}

static int check_webhook(const struct yaml_node *v, const struct key_context *c,
			 const struct reports_config *r, struct webhook_config *w)
{
	if (!w->url)
		return key_refuse(v, c, "a receiver has no url");
	if (config_check_report_url(v, c, w->url, w->allow_http) < 0 || check_format(v, c, w) < 0)
		return -1;
	if (!w->name)
		w->name = name_of(w->url);
	if (strcmp(w->name, "forge") == 0 || strcmp(w->name, "lock") == 0)
		return key_refuse(v, c, "%s is not free as a receiver's name", w->name);
	for (size_t i = 0; &r->webhooks[i] != w; i++)
		if (str_eq(r->webhooks[i].name, w->name))
			return key_refuse(
				v, c, "two receivers are called %s: give each a name of its own",
				w->name);
	return 0;
}

int config_set_webhooks(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct reports_config *r = at;
	size_t n = v->kind == YAML_LIST ? v->n : 1;
	int rc = 0;

	if (v->kind != YAML_LIST && v->kind != YAML_MAP)
		return key_refuse(v, c,
				  "expected a list of receivers, such as [{url: "
				  "\"https://ops.example.org/mdc\"}], not a %s",
				  yaml_kind_name(v->kind));
	if (n > WEBHOOKS_MAX)
		return key_refuse(v, c, "has more than %d receivers", WEBHOOKS_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct yaml_node *item = v->kind == YAML_LIST ? &v->items[i] : v;

		r->webhooks = xreallocarray(r->webhooks, r->n + 1, sizeof(*r->webhooks));
		struct webhook_config *w = &r->webhooks[r->n++];
		*w = (struct webhook_config){.name = NULL};
		if (keys_read(item, config_webhook_rows, w, c) < 0 ||
		    check_webhook(item, c, r, w) < 0)
			rc = -1;
	}
	return rc;
}

bool reports_wants(const struct webhook_config *w, const char *event)
{
	bool wanted = false, positive = false, debug = false;

	for (int i = 0; i < EVENT_COUNT; i++)
		if (str_eq(event_kind((enum event)i)->name, event))
			debug = event_kind((enum event)i)->priority == LOG_DEBUG;
	for (size_t i = 0; i < w->events.n; i++) {
		const char *p = w->events.v[i];

		if (p[0] == '!') {
			if (fnmatch(p + 1, event, 0) == 0)
				return false;
			continue;
		}
		positive = true;
		wanted |= fnmatch(p, event, 0) == 0 && !(debug && strcmp(p, "*") == 0);
	}
	return wanted || (!positive && !debug);
}

bool reports_any(const struct reports_config *r)
{
	return r->n > 0 || r->forge.kind != FORGE_NONE;
}

void reports_config_done(struct reports_config *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct webhook_config *w = &r->webhooks[i];
		char *const texts[] = {w->name,         w->url,     w->secret_file, w->headers_file,
				       w->token_file,   w->ca_file, w->text,        w->text_file,
				       w->content_type, w->room};

		for (size_t k = 0; k < COUNT_OF(texts); k++)
			free(texts[k]);
		strv_done(&w->events);
	}
	free(r->webhooks);
	free(r->forge.url);
	free(r->forge.repo);
	free(r->forge.token_file);
	free(r->forge.ca_file);
	free(r->forge.context);
	*r = (struct reports_config){.n = 0};
}
