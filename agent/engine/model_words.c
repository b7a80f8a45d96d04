/*
 * model_words - the table of settings that are told in more than "setting <key>". Names, images,
 * ports and paths are told; values of environment variables, labels and arguments are not: they
 * hold secrets. To tell a setting better: a row and a function. Depends on: common, model.
 */
#include "agent/engine/model_words.h"

#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#include <string.h>

enum { SHORT_ID = 12, SHOWN_MAX = 160, LISTED_MAX = 8 };

struct change {
	const char *service, *key;
	const cJSON *old, *new; /* values of key, NULL where there is none */
	const cJSON *old_service, *new_service;
	struct strv *reasons;
};

static bool same(const cJSON *a, const cJSON *b)
{
	auto_free char *x = a ? json_canonical(a) : xstrdup("null");
	auto_free char *y = b ? json_canonical(b) : xstrdup("null");

	return strcmp(x, y) == 0;
}

static char *shown(const char *text)
{
	return str_printable(text, SHOWN_MAX);
}

/* ---- image ---- */

/* What a person calls the image: as in the Compose file, else the reference without digest, else a
 * short id. */
static char *image_name(const cJSON *service)
{
	const char *none =
		cJSON_GetObjectItemCaseSensitive(service, "build") ? "built here" : "none";
	const char *pin = json_str(service, "image", none);
	const char *ref = json_str(service, MODEL_KEY_IMAGE, NULL);
	const char *digest = strstr(pin, "@sha256:");

	if (ref)
		return shown(ref);
	if (str_starts(pin, "sha256:"))
		return xasprintf("sha256:%.*s…", SHORT_ID, pin + strlen("sha256:"));
	auto_free char *name = digest ? xstrndup(pin, (size_t)(digest - pin)) : xstrdup(pin);

	return shown(name);
}

/* The digest or id it is pinned to, NULL if it is not. Borrowed. */
static const char *pin_of(const cJSON *service)
{
	return strstr(json_str(service, "image", ""), "sha256:");
}

bool model_words_is_pending(const cJSON *old, const cJSON *new)
{
	auto_free char *a = image_name(old);
	auto_free char *b = image_name(new);

	if (!pin_of(old) || pin_of(new))
		return false;
	if (strcmp(a, b) == 0)
		return true;
	/* A built service without `image:` gets its name from Compose. */
	return cJSON_GetObjectItemCaseSensitive(new, "build") && !json_str(new, "image", NULL) &&
	       str_starts(json_str(old, "image", ""), "sha256:");
}

static void tell_image(const struct change *c)
{
	auto_free char *a = image_name(c->old_service);
	auto_free char *b = image_name(c->new_service);
	const char *pin = pin_of(c->new_service);

	if (strcmp(a, b) != 0)
		strv_pushf(c->reasons, "service %s: image %s → %s", c->service, a, b);
	else if (pin)
		strv_pushf(c->reasons, "service %s: image %s (now another image, sha256:%.*s…)",
			   c->service, b, SHORT_ID, pin + strlen("sha256:"));
	else
		strv_pushf(c->reasons, "service %s: image %s (no longer one fixed image)",
			   c->service, b);
}

/* ---- maps: names only ---- */

static void tell_name(const struct change *c, const char *name, const cJSON *old, const cJSON *new)
{
	auto_free char *safe = shown(name);

	strv_pushf(c->reasons, "service %s: %s %s%s", c->service, c->key, safe,
		   !old   ? " (added)"
		   : !new ? " (removed)"
			  : "");
}

static void tell_names(const struct change *c)
{
	const cJSON *item = NULL;
	const cJSON *old = cJSON_IsObject(c->old) ? c->old : NULL;
	const cJSON *new = cJSON_IsObject(c->new) ? c->new : NULL;

	cJSON_ArrayForEach (item, new) {
		const cJSON *was = cJSON_GetObjectItemCaseSensitive(old, item->string);

		if (!was || !same(was, item))
			tell_name(c, item->string, was, item);
	}
	cJSON_ArrayForEach (item, old) {
		if (!cJSON_GetObjectItemCaseSensitive(new, item->string))
			tell_name(c, item->string, item, NULL);
	}
}

static void tell_labels(const struct change *c)
{
	const cJSON *old = cJSON_IsObject(c->old) ? c->old : NULL;
	const cJSON *new = cJSON_IsObject(c->new) ? c->new : NULL;
	auto_json cJSON *a = old ? cJSON_Duplicate(old, true) : cJSON_CreateObject();
	auto_json cJSON *b = new ? cJSON_Duplicate(new, true) : cJSON_CreateObject();
	const cJSON *was = cJSON_GetObjectItemCaseSensitive(a, "mdc.inputs");
	const cJSON *is = cJSON_GetObjectItemCaseSensitive(b, "mdc.inputs");

	if (!same(was, is))
		strv_pushf(c->reasons, MODEL_A_FILE_CHANGED, c->service);
	if (!json_str(a, "mdc.managed", NULL) && json_str(b, "mdc.managed", NULL))
		strv_pushf(c->reasons, "service %s: taken over by mdc-agent", c->service);
	cJSON_DeleteItemFromObjectCaseSensitive(a, "mdc.inputs");
	cJSON_DeleteItemFromObjectCaseSensitive(b, "mdc.inputs");
	cJSON_DeleteItemFromObjectCaseSensitive(a, "mdc.managed");
	cJSON_DeleteItemFromObjectCaseSensitive(b, "mdc.managed");
	const struct change rest = {
		.service = c->service, .key = "label", .old = a, .new = b, .reasons = c->reasons};

	tell_names(&rest);
}

/* ---- lists: entries that came and went ---- */

static char *port_text(const cJSON *p)
{
	auto_free char *number = xasprintf("%lld", (long long)json_int(p, "published", 0));
	const char *published = json_str(p, "published", number);
	const char *ip = json_str(p, "host_ip", "");

	return xasprintf("%s%s%s:%lld/%s", ip, ip[0] != '\0' ? ":" : "", published,
			 (long long)json_int(p, "target", 0), json_str(p, "protocol", "tcp"));
}

static char *mount_text(const cJSON *m)
{
	const char *source = json_str(m, "source", "");

	return xasprintf("%s%s%s", source, source[0] != '\0' ? ":" : "", json_str(m, "target", ""));
}

static char *source_text(const cJSON *m)
{
	return xstrdup(json_str(m, "source", "?"));
}

static char *plain_text(const cJSON *v)
{
	return cJSON_IsString(v) && v->valuestring ? xstrdup(v->valuestring) : json_text(v);
}

static bool list_has(const cJSON *list, const cJSON *wanted)
{
	const cJSON *item = NULL;

	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list) {
		if (same(item, wanted))
			return true;
	}
	return false;
}

/* Entries of one list that the other has not, as far as they fit. */
static size_t tell_missing(const struct change *c, const cJSON *in, const cJSON *from,
			   char *(*text)(const cJSON *), const char *what)
{
	const cJSON *item = NULL;
	size_t n = 0;

	if (!cJSON_IsArray(in))
		return 0;
	cJSON_ArrayForEach (item, in) {
		if (list_has(from, item))
			continue;
		if (n++ >= LISTED_MAX)
			continue;
		auto_free char *entry = text(item);
		auto_free char *safe = shown(entry);

		strv_pushf(c->reasons, "service %s: %s %s%s", c->service, c->key, safe, what);
	}
	return n;
}

static void tell_list(const struct change *c, char *(*text)(const cJSON *))
{
	size_t n = tell_missing(c, c->new, c->old, text, " (added)");

	n += tell_missing(c, c->old, c->new, text, " (removed)");
	if (n == 0)
		strv_pushf(c->reasons, "service %s: order of %s", c->service, c->key);
}

static void tell_ports(const struct change *c)
{
	tell_list(c, port_text);
}

static void tell_mounts(const struct change *c)
{
	tell_list(c, mount_text);
}

static void tell_sources(const struct change *c)
{
	tell_list(c, source_text);
}

static void tell_plain_list(const struct change *c)
{
	tell_list(c, plain_text);
}

/* ---- single values that are safe to show ---- */

static void tell_value(const struct change *c)
{
	auto_free char *a = c->old ? plain_text(c->old) : xstrdup("none");
	auto_free char *b = c->new ? plain_text(c->new) : xstrdup("none");
	auto_free char *old = shown(a);
	auto_free char *new = shown(b);

	strv_pushf(c->reasons, "service %s: %s %s → %s", c->service, c->key, old, new);
}

static void tell_deploy(const struct change *c)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(c->old, "replicas");
	const cJSON *b = cJSON_GetObjectItemCaseSensitive(c->new, "replicas");
	auto_json cJSON *old = c->old ? cJSON_Duplicate(c->old, true) : cJSON_CreateObject();
	auto_json cJSON *new = c->new ? cJSON_Duplicate(c->new, true) : cJSON_CreateObject();

	if (!same(a, b)) {
		const struct change r = {.service = c->service,
					 .key = "replicas",
					 .old = a,
					 .new = b,
					 .reasons = c->reasons};

		tell_value(&r);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(old, "replicas");
	cJSON_DeleteItemFromObjectCaseSensitive(new, "replicas");
	if (!same(old, new))
		strv_pushf(c->reasons, "service %s: setting deploy", c->service);
}

/* Too long, or too likely to hold a secret, to be shown. */
static void tell_changed(const struct change *c)
{
	strv_pushf(c->reasons, "service %s: %s %s", c->service, c->key,
		   !c->old   ? "added"
		   : !c->new ? "removed"
			     : "changed");
}

static const struct row {
	const char *key;
	void (*tell)(const struct change *c);
} rows[] = {
	{"image", tell_image},
	{"environment", tell_names},
	{"labels", tell_labels},
	{"ports", tell_ports},
	{"volumes", tell_mounts},
	{"configs", tell_sources},
	{"secrets", tell_sources},
	{"networks", tell_names},
	{"depends_on", tell_names},
	{"command", tell_changed},
	{"entrypoint", tell_changed},
	{"healthcheck", tell_changed},
	{"logging", tell_changed},
	{"cap_add", tell_plain_list},
	{"cap_drop", tell_plain_list},
	{"devices", tell_plain_list},
	{"deploy", tell_deploy},
	{"scale", tell_value},
	{"restart", tell_value},
	{"privileged", tell_value},
	{"network_mode", tell_value},
	{"user", tell_value},
	{"container_name", tell_value},
	{"hostname", tell_value},
	{"mem_limit", tell_value},
	{"cpus", tell_value},
	{"stop_grace_period", tell_value},
};

void model_words(const char *key, const cJSON *old, const cJSON *new, struct strv *reasons)
{
	const struct change c = {
		.service = new->string,
		.key = key,
		.old = cJSON_GetObjectItemCaseSensitive(old, key),
		.new = cJSON_GetObjectItemCaseSensitive(new, key),
		.old_service = old,
		.new_service = new,
		.reasons = reasons,
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].key, key) == 0) {
			rows[i].tell(&c);
			return;
		}
	}
	auto_free char *safe = shown(key);

	strv_pushf(reasons, "service %s: setting %s", c.service, safe);
}
