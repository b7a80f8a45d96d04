/*
 * signed - see signed.h. A commit is headers, an empty line and a message; its signature is the
 * header "gpgsig", whose further lines begin with a space, and what is signed is the object without
 * it. A tag's signature stands at the end of its text. Depends on: common.
 */
#include "agent/git/signed.h"

#include "common/mem.h"
#include "common/refpick.h"

#include <string.h>

enum { HEX = 40, HEADERS_MAX = 512, NAME_MAX_BYTES = 1024 };

struct reader {
	const char *at, *end;
	const char *what; /* "the commit", "the tag" */
};

/* A line without its newline. */
struct line {
	const char *s;
	size_t len;
};

static const struct armor {
	const char *begin, *end;
	enum signature_kind kind; /* SIGNATURE_NONE: known, and not checked here */
} armors[] = {
	{"-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", SIGNATURE_SSH},
	{"-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----", SIGNATURE_OPENPGP},
	{"-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----", SIGNATURE_NONE},
	{"-----BEGIN SIGNED MESSAGE-----", "-----END SIGNED MESSAGE-----", SIGNATURE_NONE},
};

static int malformed(const struct reader *r, const char *why, struct err *e)
{
	return err_set(e, ERR_REJECTED, 0, "%s is not in Git's form: %s", r->what, why);
}

static bool take_line(struct reader *r, struct line *l)
{
	const char *nl = memchr(r->at, '\n', (size_t)(r->end - r->at));

	if (!nl)
		return false;
	*l = (struct line){r->at, (size_t)(nl - r->at)};
	r->at = nl + 1;
	return true;
}

static bool line_is(const struct line *l, const char *text)
{
	return l->len == strlen(text) && memcmp(l->s, text, l->len) == 0;
}

/* Is it the header `name`? Then *value is what stands behind the space. */
static bool header(const struct line *l, const char *name, struct line *value)
{
	size_t n = strlen(name);

	if (l->len <= n || memcmp(l->s, name, n) != 0 || l->s[n] != ' ')
		return false;
	*value = (struct line){l->s + n + 1, l->len - n - 1};
	return true;
}

static int begin(struct reader *r, const char *raw, size_t len, struct err *e)
{
	*r = (struct reader){.at = raw, .end = raw + len, .what = r->what};
	if (len > SIGNED_MAX_BYTES)
		return err_set(e, ERR_REJECTED, 0, "%s is longer than %d KiB", r->what,
			       SIGNED_MAX_BYTES / 1024);
	if (memchr(raw, '\0', len))
		return malformed(r, "there is a zero byte in it", e);
	return 0;
}

/* The line "<name> <40 hex digits>", which must be next. */
static int take_id(struct reader *r, const char *name, char id[OBJECT_ID_SIZE], struct err *e)
{
	struct line l, v;

	if (!take_line(r, &l) || !header(&l, name, &v) || v.len != HEX ||
	    !refpick_is_id(v.s, v.len)) {
		auto_free char *why = xasprintf("it has no \"%s\" where it belongs", name);

		return malformed(r, why, e);
	}
	memcpy(id, v.s, HEX);
	id[HEX] = '\0';
	return 0;
}

/* The line "<name> <something>", which must be next. */
static int take_named(struct reader *r, const char *name, struct line *v, struct err *e)
{
	struct line l;

	if (take_line(r, &l) && header(&l, name, v) && v->len > 0)
		return 0;
	auto_free char *why = xasprintf("it has no \"%s\" where it belongs", name);

	return malformed(r, why, e);
}

static const struct armor *armor_begun(const struct line *l)
{
	for (size_t i = 0; i < COUNT_OF(armors); i++)
		if (line_is(l, armors[i].begin))
			return &armors[i];
	return NULL;
}

/* One block, from its first line to its last, and nothing else. */
static int judge_armor(const struct reader *r, struct signed_object *o, struct err *e)
{
	struct reader in = {.at = str_text(&o->signature),
			    .end = str_text(&o->signature) + o->signature.len};
	const struct armor *a;
	struct line l = {NULL, 0}, next;

	if (o->signature.len > SIGNATURE_MAX_BYTES)
		return err_set(e, ERR_REJECTED, 0, "the signature of %s is longer than %d KiB",
			       r->what, SIGNATURE_MAX_BYTES / 1024);
	a = take_line(&in, &l) ? armor_begun(&l) : NULL;
	if (!a)
		return err_set(e, ERR_REJECTED, 0,
			       "%s has a signature of an unknown kind: SSH and OpenPGP are checked",
			       r->what);
	if (a->kind == SIGNATURE_NONE)
		return err_set(
			e, ERR_REJECTED, 0,
			"%s is signed with X.509, or in another way that is not checked here: "
			"sign with an SSH or OpenPGP key",
			r->what);
	while (take_line(&in, &next)) {
		l = next;
		if (armor_begun(&l))
			return err_set(e, ERR_REJECTED, 0, "%s has more than one signature",
				       r->what);
		if (line_is(&l, a->end))
			break;
	}
	if (!line_is(&l, a->end) || in.at != in.end)
		return err_set(e, ERR_REJECTED, 0, "the signature of %s is not whole", r->what);
	o->kind = a->kind;
	return 0;
}

/* ---- commits ---- */
/* The first lines have their order: tree, parents, author, committer. */
static int take_head(struct reader *r, struct signed_object *o, struct err *e)
{
	char parent[OBJECT_ID_SIZE];
	struct line v;

	if (take_id(r, "tree", o->target, e) < 0)
		return -1;
	while ((size_t)(r->end - r->at) > 7 && memcmp(r->at, "parent ", 7) == 0) {
		if (take_id(r, "parent", parent, e) < 0)
			return -1;
		if (++o->n_parents > SIGNED_PARENTS_MAX)
			return err_set(e, ERR_REJECTED, 0, "%s has more than %d parents", r->what,
				       SIGNED_PARENTS_MAX);
	}
	if (take_named(r, "author", &v, e) < 0)
		return -1;
	return take_named(r, "committer", &v, e);
}

/* A header that may stand once only, or not at all, behind the first ones. */
static int judge_header(const struct reader *r, const struct line *l, struct err *e)
{
	static const char *const once[] = {"tree", "parent", "author", "committer"};
	struct line v;

	if (l->len == 0 || l->s[0] == ' ' || !memchr(l->s, ' ', l->len))
		return malformed(r, "a header has no name", e);
	for (size_t i = 0; i < COUNT_OF(once); i++)
		if (header(l, once[i], &v))
			return malformed(r, "a header stands twice, or out of its order", e);
	if (header(l, "gpgsig-sha256", &v))
		return err_set(e, ERR_REJECTED, 0, "%s has more than one signature", r->what);
	return 0;
}

/* The lines that belong to a header: they begin with a space. */
static void take_more(struct reader *r, struct str *to, size_t skip)
{
	struct line l;

	while (r->at < r->end && *r->at == ' ' && take_line(r, &l)) {
		str_addn(to, l.s + skip, l.len - skip);
		str_addc(to, '\n');
	}
}

static int take_headers(struct reader *r, struct signed_object *o, struct err *e)
{
	struct line l, v;

	for (size_t n = 0; take_line(r, &l); n++) {
		if (l.len == 0) {
			str_addc(&o->payload, '\n');
			return 0;
		}
		if (n > HEADERS_MAX)
			return malformed(r, "it has too many headers", e);
		if (judge_header(r, &l, e) < 0)
			return -1;
		if (header(&l, "gpgsig", &v)) {
			if (o->signature.len > 0)
				return err_set(e, ERR_REJECTED, 0, "%s has more than one signature",
					       r->what);
			str_addn(&o->signature, v.s, v.len);
			str_addc(&o->signature, '\n');
			take_more(r, &o->signature, 1);
			continue;
		}
		str_addn(&o->payload, l.s, l.len + 1);
		take_more(r, &o->payload, 0);
	}
	return malformed(r, "the empty line before the message is missing", e);
}

int signed_parse_commit(const char *raw, size_t len, struct signed_object *out, struct err *e)
{
	struct reader r = {.what = "the commit"};

	*out = (struct signed_object){.n_parents = 0};
	if (begin(&r, raw, len, e) < 0 || take_head(&r, out, e) < 0)
		return -1;
	str_addn(&out->payload, raw, (size_t)(r.at - raw));
	if (take_headers(&r, out, e) < 0)
		return -1;
	str_addn(&out->payload, r.at, (size_t)(r.end - r.at));
	return out->signature.len > 0 ? judge_armor(&r, out, e) : 0;
}

/* ---- tags ---- */
int signed_parse_tag(const char *raw, size_t len, struct signed_object *out, struct err *e)
{
	struct reader r = {.what = "the tag"};
	struct line l, v = {NULL, 0};

	*out = (struct signed_object){.n_parents = 0};
	if (begin(&r, raw, len, e) < 0 || take_id(&r, "object", out->target, e) < 0 ||
	    take_named(&r, "type", &v, e) < 0)
		return -1;
	if (!line_is(&v, "commit"))
		return err_set(e, ERR_REJECTED, 0, "the tag names no commit");
	if (take_named(&r, "tag", &v, e) < 0)
		return -1;
	if (v.len > NAME_MAX_BYTES)
		return malformed(&r, "its name is too long", e);
	out->tag = xstrndup(v.s, v.len);
	if (take_named(&r, "tagger", &v, e) < 0)
		return -1;
	if (!take_line(&r, &l) || l.len != 0)
		return malformed(&r, "the empty line before the message is missing", e);
	for (const char *from = r.at; take_line(&r, &l); from = r.at) {
		if (!armor_begun(&l))
			continue;
		str_addn(&out->payload, raw, (size_t)(from - raw));
		str_addn(&out->signature, from, (size_t)(r.end - from));
		return judge_armor(&r, out, e);
	}
	str_addn(&out->payload, raw, len);
	return 0;
}

void signed_object_done(struct signed_object *o)
{
	free(o->tag);
	str_done(&o->payload);
	str_done(&o->signature);
	*o = (struct signed_object){.n_parents = 0};
}
