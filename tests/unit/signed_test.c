/* What is signed in commits and tags, and what is refused before any signature is looked at. */
#include "agent/git/signed.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TREE   "tree 0123456789012345678901234567890123456789\n"
#define PARENT "parent 1111111111111111111111111111111111111111\n"
#define WHO    "author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n"
#define SSH    "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
#define SSH_H  "gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n"
#define PGP    "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
#define PGP_H  "gpgsig -----BEGIN PGP SIGNATURE-----\n \n AAAA\n -----END PGP SIGNATURE-----\n"
#define X509_H "gpgsig -----BEGIN SIGNED MESSAGE-----\n AAAA\n -----END SIGNED MESSAGE-----\n"
#define OBJECT "object 2222222222222222222222222222222222222222\n"
#define TAG    OBJECT "type commit\ntag v1\ntagger A <a@b> 1 +0000\n"

struct row {
	const char *label, *raw;
	const char *refused; /* or NULL: */
	const char *payload, *signature;
	enum signature_kind kind;
};

static const struct row commits[] = {
	{"unsigned", TREE WHO "\nHi\n", NULL, TREE WHO "\nHi\n", "", SIGNATURE_NONE},
	{"no message", TREE WHO "\n", NULL, TREE WHO "\n", "", SIGNATURE_NONE},
	{"ssh", TREE PARENT WHO SSH_H "\nHi\n", NULL, TREE PARENT WHO "\nHi\n", SSH, SIGNATURE_SSH},
	{"pgp, two parents", TREE PARENT PARENT WHO PGP_H "\nHi", NULL,
	 TREE PARENT PARENT WHO "\nHi", PGP, SIGNATURE_OPENPGP},
	{"other headers stay", TREE WHO "encoding latin1\n" SSH_H "mergetag object 1\n more\n\nHi",
	 NULL, TREE WHO "encoding latin1\nmergetag object 1\n more\n\nHi", SSH, SIGNATURE_SSH},
	{"a signature in the message is text", TREE WHO "\n" SSH, NULL, TREE WHO "\n" SSH, "",
	 SIGNATURE_NONE},
	{"two headers", TREE WHO SSH_H SSH_H "\nHi", "more than one signature", NULL, NULL, 0},
	{"two blocks in one",
	 TREE WHO "gpgsig -----BEGIN SSH SIGNATURE-----\n A\n -----BEGIN SSH SIGNATURE-----\n A\n "
		  "-----END SSH SIGNATURE-----\n\nHi",
	 "more than one signature", NULL, NULL, 0},
	{"for both hashes", TREE WHO SSH_H "gpgsig-sha256 x\n\nHi", "more than one signature", NULL,
	 NULL, 0},
	{"x509", TREE WHO X509_H "\nHi", "X.509", NULL, NULL, 0},
	{"unknown", TREE WHO "gpgsig hello\n\nHi", "unknown kind", NULL, NULL, 0},
	{"not ended", TREE WHO "gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n\nHi", "not whole",
	 NULL, NULL, 0},
	{"text behind it", TREE WHO SSH_H " more\n\nHi", "not whole", NULL, NULL, 0},
	{"ended as another",
	 TREE WHO "gpgsig -----BEGIN SSH SIGNATURE-----\n -----END PGP "
		  "SIGNATURE-----\n\nHi",
	 "not whole", NULL, NULL, 0},
	{"two trees", TREE TREE WHO "\nHi", "no \"author\" where it belongs", NULL, NULL, 0},
	{"tree later", TREE WHO TREE "\nHi", "stands twice", NULL, NULL, 0},
	{"parent later", TREE WHO PARENT "\nHi", "stands twice", NULL, NULL, 0},
	{"two authors", TREE WHO "author B <b@c> 1 +0000\n\nHi", "stands twice", NULL, NULL, 0},
	{"no tree", WHO "\nHi", "no \"tree\" where it belongs", NULL, NULL, 0},
	{"short tree", "tree 0123\n" WHO "\nHi", "no \"tree\" where it belongs", NULL, NULL, 0},
	{"upper case", "tree ABCDEFABCDABCDEFABCDABCDEFABCDABCDEFABCD\n" WHO "\nHi",
	 "no \"tree\" where it belongs", NULL, NULL, 0},
	{"short parent", TREE "parent 11\n" WHO "\nHi", "no \"parent\" where", NULL, NULL, 0},
	{"no committer", TREE "author A <a@b> 1 +0000\n\nHi", "no \"committer\" where", NULL, NULL,
	 0},
	{"a header without a name", TREE WHO " more\n\nHi", "a header has no name", NULL, NULL, 0},
	{"no space", TREE WHO "lonely\n\nHi", "a header has no name", NULL, NULL, 0},
	{"no empty line", TREE WHO, "the empty line", NULL, NULL, 0},
	{"nothing", "", "no \"tree\"", NULL, NULL, 0},
};

static const struct row tags[] = {
	{"unsigned", TAG "\nHi\n", NULL, TAG "\nHi\n", "", SIGNATURE_NONE},
	{"ssh", TAG "\nHi\n" SSH, NULL, TAG "\nHi\n", SSH, SIGNATURE_SSH},
	{"pgp", TAG "\n" PGP, NULL, TAG "\n", PGP, SIGNATURE_OPENPGP},
	{"two", TAG "\nHi\n" SSH SSH, "not whole", NULL, NULL, 0},
	{"one in another", TAG "\n-----BEGIN PGP SIGNATURE-----\n" SSH, "more than one", NULL, NULL,
	 0},
	{"text behind it", TAG "\nHi\n" SSH "more\n", "not whole", NULL, NULL, 0},
	{"of a tag", OBJECT "type tag\ntag v1\ntagger A <a@b> 1 +0000\n\nHi", "names no commit",
	 NULL, NULL, 0},
	{"more headers", TAG "gpgsig x\n\nHi", "the empty line", NULL, NULL, 0},
	{"no tagger", OBJECT "type commit\ntag v1\n\nHi", "no \"tagger\"", NULL, NULL, 0},
	{"no name", OBJECT "type commit\ntagger A <a@b> 1 +0000\n\nHi", "no \"tag\"", NULL, NULL,
	 0},
};

static void check(const struct row *r, bool tag)
{
	auto_signed_object struct signed_object o = {.n_parents = 0};
	struct err e = ERR_INIT;
	int rc = tag ? signed_parse_tag(r->raw, strlen(r->raw), &o, &e)
		     : signed_parse_commit(r->raw, strlen(r->raw), &o, &e);

	if (r->refused) {
		if (rc == 0 || e.kind != ERR_REJECTED || !strstr(e.cause, r->refused))
			fail_msg("%s: %d %s", r->label, rc, e.cause);
		return;
	}
	if (rc < 0)
		fail_msg("%s: %s", r->label, e.cause);
	assert_string_equal(str_text(&o.payload), r->payload);
	assert_string_equal(str_text(&o.signature), r->signature);
	assert_int_equal(o.kind, r->kind);
	assert_int_equal(strlen(o.target), 40);
	if (tag)
		assert_string_equal(o.tag, "v1");
}

static void parse_commit(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(commits); i++)
		check(&commits[i], false);
}

static void parse_tag(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(tags); i++)
		check(&tags[i], true);
}

/* A commit of `n` bytes whose signature has `sig` bytes of it. */
static char *large(size_t n, size_t sig)
{
	auto_str struct str s = STR_INIT;

	str_add(&s, TREE WHO);
	if (sig > 0) {
		size_t before = s.len;

		str_add(&s, "gpgsig -----BEGIN SSH SIGNATURE-----\n");
		while (s.len - before < sig)
			str_add(&s, " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
		str_add(&s, " -----END SSH SIGNATURE-----\n");
	}
	str_addc(&s, '\n');
	while (s.len < n)
		str_addc(&s, 'x');
	return str_take(&s);
}

static void limits(void **state)
{
	static const struct {
		const char *label;
		size_t bytes, signature;
		const char *refused;
	} rows[] = {
		{"just fits", SIGNED_MAX_BYTES, 0, NULL},
		{"too long", SIGNED_MAX_BYTES + 1, 0, "longer than 64 KiB"},
		{"a long signature", 0, 15 * 1024, NULL},
		{"too long a signature", 0, 18 * 1024, "longer than 16 KiB"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_signed_object struct signed_object o = {.n_parents = 0};
		auto_free char *raw = large(rows[i].bytes, rows[i].signature);
		struct err e = ERR_INIT;
		int rc = signed_parse_commit(raw, strlen(raw), &o, &e);

		if ((rc < 0) != (rows[i].refused != NULL) ||
		    (rc < 0 && !strstr(e.cause, rows[i].refused)))
			fail_msg("%s: %d %s", rows[i].label, rc, e.cause);
	}
}

static void many_parents(void **state)
{
	auto_signed_object struct signed_object o = {.n_parents = 0};
	auto_str struct str s = STR_INIT;
	struct err e = ERR_INIT;

	(void)state;
	str_add(&s, TREE);
	for (int i = 0; i <= SIGNED_PARENTS_MAX; i++)
		str_add(&s, PARENT);
	str_add(&s, WHO "\nHi");
	assert_int_equal(signed_parse_commit(s.s, s.len, &o, &e), -1);
	assert_non_null(strstr(e.cause, "more than 64 parents"));
}

static void zero_byte(void **state)
{
	static const char raw[] = TREE WHO "\nHi\0there";
	auto_signed_object struct signed_object o = {.n_parents = 0};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(signed_parse_commit(raw, sizeof(raw) - 1, &o, &e), -1);
	assert_non_null(strstr(e.cause, "zero byte"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_commit), cmocka_unit_test(parse_tag),
		cmocka_unit_test(limits),       cmocka_unit_test(many_parents),
		cmocka_unit_test(zero_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
