/*
 * config_policy - reading `policy` of agent.yaml: a preset, rules by name, exceptions for projects,
 * keys of signed images. Depends on: common, keys, policy.
 * To add a rule: a row in policy.def; nothing here.
 */
#include "agent/model/config_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <string.h>
#include <strings.h>

enum { PROJECTS_MAX = 1000, SIGNERS_MAX = 64 };

static int set_preset(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const words[] = {
		[POLICY_OPEN] = "open", [POLICY_STANDARD] = "standard", [POLICY_STRICT] = "strict"};
	int i = key_word(v, words, COUNT_OF(words), c);

	if (i < 0)
		return -1;
	*(enum policy_preset *)at = (enum policy_preset)i;
	return 0;
}

/* "Is it required?" reads better with true and false. */
static int as_bool(const struct yaml_node *v, struct policy_setting *s, const struct key_context *c)
{
	bool yes = false;

	if (key_set_bool(v, &yes, c) < 0)
		return -1;
	s->action = yes ? POLICY_DENY : POLICY_ALLOW;
	return 0;
}

static bool is_bool(const struct yaml_node *v)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};

	for (size_t i = 0; yaml_text(v) && !v->quoted && i < COUNT_OF(words); i++)
		if (strcasecmp(yaml_text(v), words[i]) == 0)
			return true;
	return false;
}

static int set_word(const struct yaml_node *v, struct policy_setting *s,
		    const struct key_context *c)
{
	static const char *const words[] = {
		[POLICY_ALLOW] = "allow", [POLICY_WARN] = "warn", [POLICY_DENY] = "deny"};
	int i = key_word(v, words, COUNT_OF(words), c);

	s->action = i < 0 ? s->action : (enum policy_action)i;
	return i < 0 ? -1 : 0;
}

/* Which rule it is says the last part of the key. */
static int set_rule(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *dot = strrchr(c->key, '.'), *name = dot ? dot + 1 : c->key;
	struct policy_setting *s = at;
	bool lists = false;

	for (int i = 0; i < POLICY_RULES; i++)
		if (strcmp(policy_row((enum policy_rule)i)->name, name) == 0)
			lists = policy_row((enum policy_rule)i)->lists[0] != '\0';
	strv_done(&s->list);
	*s = (struct policy_setting){.set = true, .action = POLICY_DENY};
	if (lists && v->kind == YAML_LIST) {
		s->listed = true;
		return key_set_texts(v, &s->list, c);
	}
	if (strcmp(name, "require_digest") == 0 && is_bool(v))
		return as_bool(v, s, c);
	return set_word(v, s, c);
}

#define ACTION_ALLOW "allow"
#define ACTION_WARN  "warn"
#define ACTION_DENY  "deny"
#define POLICY_RULE(id, word, lists, a, a_list, b, b_list, c, c_list, text)                        \
	{word,       "allow|warn|deny" lists,                                                      \
	 ACTION_##a, text,                                                                         \
	 set_rule,   offsetof(struct policy, rules[POLICY_##id]),                                  \
	 NULL},
static const struct key_row rule_rows[] = {
#include "agent/model/policy.def"
	{.name = NULL},
};

/* ---- exceptions ---- */
static int set_projects(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct policy *p = at;
	int rc = 0;

	if (v->kind != YAML_MAP)
		return key_refuse(v, c,
				  "expected a map of projects to rules, such as {traefik: "
				  "{engine_sockets: allow}}, not a %s",
				  yaml_kind_name(v->kind));
	if (v->n > PROJECTS_MAX)
		return key_refuse(v, c, "has more than %d projects", PROJECTS_MAX);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_pair *one = &v->pairs[i];
		auto_free char *key = xasprintf("%s.%s", c->key, one->key);
		struct key_context inner = *c;

		inner.key = key;
		p->projects = xreallocarray(p->projects, p->n_projects + 1, sizeof(*p->projects));
		struct policy_project *x = &p->projects[p->n_projects++];
		*x = (struct policy_project){.name = xstrdup(one->key)};
		if (!path_is_project_name(one->key))
			rc = key_refuse(&one->value, &inner, "'%s' is not a project's name",
					one->key);
		else if (keys_read(&one->value, rule_rows, x, &inner) < 0)
			rc = -1;
	}
	return rc;
}

/* ---- signed images ---- */
static int set_key_file(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && (text[0] != '/' || !path_is_clean(text + 1)))
		return key_refuse(v, c,
				  "expected the absolute path of a public key, such as "
				  "/etc/mdc-agent/cosign.pub, not '%s'",
				  text);
	return key_set_text(v, at, c);
}

#define AT(member) offsetof(struct policy_signer, member)
static const struct key_row signer_rows[] = {
	{"key", "absolute path", NULL, "The public key that the images must be signed with.",
	 set_key_file, AT(key), NULL},
	{"transparency_log", "true|false", "true",
	 "Whether the signature must stand in the public transparency log.", key_set_bool, AT(log),
	 NULL},
	{.name = NULL},
};
#undef AT

static int set_cosign(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct policy *p = at;
	int rc = 0;

	if (v->kind != YAML_MAP)
		return key_refuse(v, c,
				  "expected a map of images to keys, such as {ghcr.io/me: {key: "
				  "/etc/mdc-agent/cosign.pub}}, not a %s",
				  yaml_kind_name(v->kind));
	if (v->n > SIGNERS_MAX)
		return key_refuse(v, c, "has more than %d entries", SIGNERS_MAX);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml_pair *one = &v->pairs[i];
		auto_free char *key = xasprintf("%s.%s", c->key, one->key);
		struct key_context inner = *c;

		inner.key = key;
		p->signers = xreallocarray(p->signers, p->n_signers + 1, sizeof(*p->signers));
		struct policy_signer *x = &p->signers[p->n_signers++];
		*x = (struct policy_signer){.images = xstrdup(one->key), .log = true};
		if (keys_read(&one->value, signer_rows, x, &inner) < 0)
			rc = -1;
		else if (!x->key)
			rc = key_refuse(&one->value, &inner, "has no key");
	}
	return rc;
}

/* ---- the whole ---- */
const struct key_row config_policy_rows[] = {
	{"preset", "open|standard|strict", "open",
	 "What holds for rules that are not named: open warns of what makes a container root of the "
	 "host, standard refuses that, strict refuses all that was not allowed.",
	 set_preset, offsetof(struct policy, preset), NULL},
#include "agent/model/policy.def"
	{"projects", "map of projects to rules", "{}",
	 "Exceptions: rules that differ for one project. A list adds to the one that holds for all.",
	 set_projects, 0, NULL},
	{"cosign", "map of images to {key, transparency_log}", "{}",
	 "Images that must be signed; the names are those of `registries`. The program cosign is "
	 "needed.",
	 set_cosign, 0, NULL},
	{.name = NULL},
};
#undef POLICY_RULE

int config_read_policy(const struct yaml_node *v, struct policy *out, const struct key_context *c)
{
	return keys_read(v, config_policy_rows, out, c);
}
