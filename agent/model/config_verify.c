/*
 * config_verify - the key `verify`: its rows, and what only makes sense of several of them
 * together. Depends on: common, keys, config.
 */
#include "agent/model/config_parts.h"

#include "common/mem.h"
#include "common/path.h"
#include "common/refpick.h"
#include "common/str.h"

#include <ctype.h>
#include <string.h>

enum { FINGERPRINT_V4 = 40, FINGERPRINT_V5 = 64, COMMITS_MAX = 100000 };

static int set_mode(const struct yaml_node *v, void *at, const struct key_context *c)
{
	static const char *const words[] = {[VERIFY_OFF] = "off",
					    [VERIFY_HEAD] = "head",
					    [VERIFY_STRICT] = "strict",
					    [VERIFY_TAG] = "tag"};
	int i = key_word(v, words, COUNT_OF(words), c);

	if (i < 0)
		return -1;
	*(enum verify_mode *)at = (enum verify_mode)i;
	return 0;
}

static bool is_absolute(const char *text)
{
	return text[0] == '/' && path_is_clean(text + 1);
}

static int set_paths(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct strv *l = at;

	if (key_set_texts(v, at, c) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (!is_absolute(l->v[i]))
			return key_refuse(v, c,
					  "expected absolute paths, such as "
					  "/etc/mdc-agent/alice.asc, not '%s'",
					  l->v[i]);
	return 0;
}

/* Short key ids are not offered at all: anybody can make a key with a given one. */
static int set_fingerprints(const struct yaml_node *v, void *at, const struct key_context *c)
{
	struct strv *l = at;

	if (key_set_texts(v, at, c) < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		char *p = l->v[i];
		size_t n = strlen(p);

		if ((n != FINGERPRINT_V4 && n != FINGERPRINT_V5) ||
		    strspn(p, "0123456789abcdefABCDEF") != n)
			return key_refuse(
				v, c,
				"expected full fingerprints of 40 or 64 hex digits, as "
				"`gpg --fingerprint` shows them, without spaces, not '%s'",
				p);
		for (; *p; p++)
			*p = (char)toupper((unsigned char)*p);
	}
	return 0;
}

static int set_commit(const struct yaml_node *v, void *at, const struct key_context *c)
{
	const char *text = yaml_text(v);

	if (text && !refpick_is_id(text, strlen(text)))
		return key_refuse(v, c, "expected a whole commit id of 40 hex digits, not '%s'",
				  text);
	return key_set_text(v, at, c);
}

#define AT(member) offsetof(struct verify_config, member)
const struct key_row config_verify_rows[] = {
	{"mode", "off|head|strict|tag", "off",
	 "What must be signed: nothing; the newest commit; every commit since the last accepted one; or "
	 "the tag that source.tag chooses. Unless it is off a new commit must also descend from the last "
	 "accepted one.",
	 set_mode, AT(mode), NULL},
	{"allowed_signers", "absolute path", NULL,
	 "SSH keys that may sign, in the format of ssh-keygen(1), ALLOWED SIGNERS.",
	 config_set_path, AT(allowed_signers), NULL},
	{"revoked", "absolute path", NULL,
	 "SSH keys that may not sign any more: a list of public keys, or a KRL of ssh-keygen(1).",
	 config_set_path, AT(revoked), NULL},
	{"principals", "list of names", "the whole list",
	 "Only these principals of allowed_signers may sign for this host.", key_set_texts,
	 AT(principals), NULL},
	{"openpgp_keys", "list of absolute paths", "[]",
	 "Files with OpenPGP public keys that may sign, as `gpg --export` writes them.", set_paths,
	 AT(openpgp_keys), NULL},
	{"fingerprints", "list of fingerprints", "the whole list",
	 "Only these keys of openpgp_keys may sign: 40 hex digits each, of the key or of its subkey.",
	 set_fingerprints, AT(fingerprints), NULL},
	{"initial_commit", "commit id", NULL,
	 "The first commit that this host accepts must descend from this one, or be it. Without it the "
	 "first start needs `mdc-agent sync --trust-first`.",
	 set_commit, AT(initial_commit), NULL},
	{"max_commits", "number", "1000",
	 "With mode strict: how many commits may lie between the last accepted one and the newest.",
	 key_set_count, AT(max_commits), NULL},
	{.name = NULL},
};
#undef AT

static int check_keys(const struct yaml_node *v, const struct key_context *c,
		      const struct verify_config *f)
{
	int rc = 0;

	if (f->mode != VERIFY_OFF && !f->allowed_signers && f->openpgp_keys.n == 0)
		rc = key_refuse(
			v, c,
			"nobody may sign: set allowed_signers (SSH) or openpgp_keys, or mode: "
			"off");
	if (!f->allowed_signers && (f->revoked || f->principals.n > 0))
		rc = key_refuse(v, c, "revoked and principals need allowed_signers");
	if (f->fingerprints.n > 0 && f->openpgp_keys.n == 0)
		rc = key_refuse(v, c, "fingerprints needs openpgp_keys");
	return rc;
}

int config_check_verify(const struct yaml_node *root, const struct key_context *c,
			const struct source_config *s, struct verify_config *f)
{
	const struct yaml_node *v = yaml_get(root, "verify");
	struct key_context at = *c;
	int rc;

	if (!v || v->kind != YAML_MAP)
		return 0;
	at.key = "verify";
	rc = check_keys(v, &at, f);
	if (f->mode != VERIFY_OFF && !s->url)
		rc = key_refuse(v, &at, "there is nothing to verify without source.url");
	if (f->mode == VERIFY_TAG && !s->tag)
		rc = key_refuse(
			v, &at,
			"mode: tag needs source.tag, such as \"deploy/*\": it says which tags");
	if (f->max_commits < 1 || f->max_commits > COMMITS_MAX)
		rc = key_refuse(v, &at, "max_commits: expected a number from 1 to %d, not %d",
				COMMITS_MAX, f->max_commits);
	return rc;
}

void config_verify_done(struct verify_config *v)
{
	free(v->allowed_signers);
	free(v->revoked);
	strv_done(&v->principals);
	strv_done(&v->openpgp_keys);
	strv_done(&v->fingerprints);
	free(v->initial_commit);
}
