/*
 * Packet lines, choosing refs, addresses, known_hosts: everything that can be tested without a
 * server.
 */
#include "common/file.h"
#include "common/giturl.h"
#include "common/gitwire.h"
#include "common/knownhosts.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/strv.h"

#include "tests/unit/temp_dir.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"

static void test_take(void **state)
{
	static const struct {
		const char *in;
		enum gitwire_kind kind;
		size_t size;
		const char *data;
	} rows[] = {
		{"", GITWIRE_MORE, 0, NULL},           {"000", GITWIRE_MORE, 0, NULL},
		{"0000", GITWIRE_FLUSH, 4, NULL},      {"0001", GITWIRE_DELIM, 4, NULL},
		{"0002", GITWIRE_END, 4, NULL},        {"0003", GITWIRE_BAD, 0, NULL},
		{"0004", GITWIRE_DATA, 4, ""},         {"0006a\n", GITWIRE_DATA, 6, "a"},
		{"0006ab0000", GITWIRE_DATA, 6, "ab"}, {"0008ab", GITWIRE_MORE, 0, NULL},
		{"fff1", GITWIRE_BAD, 0, NULL},        {"<htm", GITWIRE_BAD, 0, NULL},
		{"-001", GITWIRE_BAD, 0, NULL},        {"000A12345\n", GITWIRE_DATA, 10, "12345"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct gitwire_packet p = {.size = 0};

		assert_int_equal(gitwire_take(rows[i].in, strlen(rows[i].in), &p), rows[i].kind);
		if (rows[i].size > 0)
			assert_int_equal(p.size, rows[i].size);
		if (rows[i].data) {
			assert_int_equal(p.len, strlen(rows[i].data));
			assert_memory_equal(p.data, rows[i].data, p.len);
		}
	}
}

static void test_request(void **state)
{
	auto_str struct str s = STR_INIT;
	struct refpick p;

	(void)state;
	refpick_init(&p, "main", NULL);
	gitwire_add_ls_refs(&s, &p, "");
	assert_string_equal(s.s, "0014command=ls-refs\n0014agent=mdc-agent\n00010009peel\n"
				 "001fref-prefix refs/heads/main\n0000");
	str_reset(&s);
	refpick_init(&p, NULL, "deploy/v*");
	gitwire_add_ls_refs(&s, &p, "sha256");
	assert_non_null(strstr(s.s, "object-format=sha256\n0001"));
	assert_non_null(strstr(s.s, "ref-prefix refs/tags/deploy/v\n"));
}

/* Build an answer: each line a packet, "-" a flush. */
static void answer(struct str *to, const char *const *lines)
{
	for (; *lines; lines++) {
		if (strcmp(*lines, "-") == 0)
			gitwire_add_flush(to);
		else
			gitwire_add(to, "%s\n", *lines);
	}
}

static const struct {
	const char *lines[10];
	const char *tag;
	bool ls_refs; /* an answer to ls-refs, else an advertisement */
	int bad;
	bool v2;
	const char *id;
} feeds[] = {
	{{"# service=git-upload-pack", "-", A " HEAD", B " refs/heads/main", "-"},
	 NULL,
	 false,
	 0,
	 false,
	 B},
	{{A " HEAD", B " refs/heads/main2", C " refs/heads/main", "-"}, NULL, false, 0, false, C},
	{{B " refs/heads/other", "-"}, NULL, false, 0, false, ""},
	{{"# service=git-upload-pack", "-", "version 2", "ls-refs", "object-format=sha256", "-"},
	 NULL,
	 false,
	 0,
	 true,
	 ""},
	{{A " refs/heads/main", "-"}, NULL, true, 0, false, A},
	{{"-"}, NULL, true, 0, false, ""},
	/* an empty repository over ssh sends one flush, over http a line without a ref */
	{{"-"}, NULL, false, 0, false, ""},
	{{"# service=git-upload-pack", "-",
	  "0000000000000000000000000000000000000000 capabilities^{}", "-"},
	 NULL,
	 false,
	 0,
	 false,
	 ""},
	{{A " refs/tags/v1.9", B " refs/tags/v1.10", C " refs/tags/v1.10^{}", A " refs/tags/v1.2",
	  "-"},
	 "v*",
	 false,
	 0,
	 false,
	 C},
	{{A " refs/tags/v1.9 peeled:" B, A " refs/tags/v1.10 peeled:" C, "-"},
	 "v*",
	 true,
	 0,
	 false,
	 C},
	{{A " refs/tags/w1", "-"}, "v*", true, 0, false, ""},
	{{"ERR no such repository", "-"}, NULL, false, -1, false, ""},
	{{"<html>", "-"}, NULL, false, -1, false, ""},
	{{A " refs/heads/main"}, NULL, false, -1, false, ""}, /* cut off */
	{{"AAAA refs/heads/main", "-"}, NULL, false, -1, false, ""},
};

static void test_feed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(feeds); i++) {
		for (size_t step = 1; step < 200; step += 61) {
			auto_str struct str all = STR_INIT;
			auto_refpick struct refpick pick;
			struct err e = ERR_INIT;
			int bad = 0;

			answer(&all, feeds[i].lines);
			refpick_init(&pick, "main", feeds[i].tag);
			auto_gitwire_refs struct gitwire_refs refs = {
				.pick = &pick, .where = "there", .answer = feeds[i].ls_refs};
			for (size_t at = 0; at < all.len && bad == 0; at += step)
				bad = gitwire_feed(&refs, all.s + at,
						   at + step > all.len ? all.len - at : step, &e);
			if (bad == 0)
				bad = gitwire_finish(&refs, &e);
			assert_int_equal(bad, feeds[i].bad);
			assert_string_equal(bad ? "" : pick.id, feeds[i].id);
			assert_int_equal(bad == 0 && refs.v2, feeds[i].v2);
			assert_int_equal(e.kind, bad ? ERR_RETRY : ERR_NONE);
		}
	}
}

static void test_capabilities_behind_zero(void **state)
{
	static const char packet[] = "0045" A " refs/heads/main\0multi_ack0000";
	auto_refpick struct refpick pick;
	struct err e = ERR_INIT;

	(void)state;
	refpick_init(&pick, "main", NULL);
	auto_gitwire_refs struct gitwire_refs refs = {.pick = &pick, .where = "there"};
	char buf[sizeof(packet)];
	memcpy(buf, packet, sizeof(packet));
	(void)snprintf(buf, 5, "%04zx", sizeof(packet) - 1 - 4);
	buf[4] = 'a';
	assert_int_equal(gitwire_feed(&refs, buf, sizeof(packet) - 1, &e), 0);
	assert_true(refs.done);
	assert_string_equal(pick.id, A);
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		int bad;
		enum giturl_kind kind;
		const char *user, *host;
		int port;
		const char *path, *shown;
	} rows[] = {
		{"/srv/x.git", 0, GITURL_FILE, NULL, NULL, 0, "/srv/x.git", "/srv/x.git"},
		{"file:///srv/a%20b", 0, GITURL_FILE, NULL, NULL, 0, "/srv/a b",
		 "file:///srv/a%20b"},
		{"https://h/x.git", 0, GITURL_HTTP, NULL, "h", 0, "/x.git", "https://h/x.git"},
		{"https://u:p@h:8443/x", 0, GITURL_HTTP, "u", "h", 8443, "/x", "https://h:8443/x"},
		{"http://[::1]:80/x", 0, GITURL_HTTP, NULL, "::1", 80, "/x", "http://[::1]:80/x"},
		{"ssh://git@h:2222/x", 0, GITURL_SSH, "git", "h", 2222, "/x", "ssh://h:2222/x"},
		{"ssh://h/~me/x", 0, GITURL_SSH, NULL, "h", 0, "~me/x", "ssh://h/~me/x"},
		{"git@h:me/x.git", 0, GITURL_SSH, "git", "h", 0, "me/x.git", "git@h:me/x.git"},
		{"ssh://-oProxyCommand=x/y", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"-x@h:y", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"ftp://h/x", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"srv/x.git", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"https://h:99999/x", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"https://h:/x", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"https:///x", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"https://h/a\nb", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"file:///a%0ab", -1, 0, NULL, NULL, 0, NULL, NULL},
		{"", -1, 0, NULL, NULL, 0, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_giturl struct giturl u = {.kind = GITURL_FILE};
		struct err e = ERR_INIT;

		assert_int_equal(giturl_parse(rows[i].url, &u, &e), rows[i].bad);
		if (rows[i].bad) {
			assert_int_equal(e.kind, ERR_USAGE);
			continue;
		}
		auto_free char *shown = giturl_show(rows[i].url);
		assert_int_equal(u.kind, rows[i].kind);
		assert_true(str_eq(u.user, rows[i].user));
		assert_true(str_eq(u.host, rows[i].host));
		assert_int_equal(u.port, rows[i].port);
		assert_string_equal(u.path, rows[i].path);
		assert_string_equal(shown, rows[i].shown);
	}
}

/* A blob that says it is of this type, and its base64. */
static size_t make_key(const char *type, char fill, unsigned char *raw, char *text)
{
	size_t n = strlen(type);

	memset(raw, fill, 51);
	memset(raw, 0, 4);
	raw[3] = (unsigned char)n;
	memcpy(raw + 4, type, n);
	(void)EVP_EncodeBlock((unsigned char *)text, raw, 51);
	return 51;
}

static void test_known_hosts(void **state)
{
	static const struct {
		const char *line; /* %s: the key */
		const char *host;
		int port;
		enum knownhosts_answer same, other;
	} rows[] = {
		{"h ssh-ed25519 %s\n", "h", 0, KNOWNHOSTS_MATCH, KNOWNHOSTS_CHANGED},
		{"h ssh-ed25519 %s\n", "h", 2222, KNOWNHOSTS_UNLISTED, KNOWNHOSTS_UNLISTED},
		{"[h]:2222 ssh-ed25519 %s\n", "h", 2222, KNOWNHOSTS_MATCH, KNOWNHOSTS_CHANGED},
		{"[h]:2222 ssh-ed25519 %s\n", "h", 22, KNOWNHOSTS_UNLISTED, KNOWNHOSTS_UNLISTED},
		{"a,h,b ssh-ed25519 %s me@there\n", "h", 22, KNOWNHOSTS_MATCH, KNOWNHOSTS_CHANGED},
		{"*.org,!evil.org ssh-ed25519 %s\n", "good.org", 22, KNOWNHOSTS_MATCH,
		 KNOWNHOSTS_CHANGED},
		{"*.org,!evil.org ssh-ed25519 %s\n", "evil.org", 22, KNOWNHOSTS_UNLISTED,
		 KNOWNHOSTS_UNLISTED},
		{"@revoked h ssh-ed25519 %s\n", "h", 22, KNOWNHOSTS_REVOKED, KNOWNHOSTS_UNLISTED},
		{"@cert-authority h ssh-ed25519 %s\n", "h", 22, KNOWNHOSTS_UNLISTED,
		 KNOWNHOSTS_UNLISTED},
		{"# h ssh-ed25519 %s\n", "h", 22, KNOWNHOSTS_UNLISTED, KNOWNHOSTS_UNLISTED},
		{"h ssh-rsa %s\n", "h", 22, KNOWNHOSTS_MATCH, KNOWNHOSTS_UNLISTED},
		{"\n\n  h\tssh-ed25519\t%s\r\n", "h", 22, KNOWNHOSTS_MATCH, KNOWNHOSTS_CHANGED},
	};
	char dir[] = "/tmp/mdc-known.XXXXXX", text[128], other_text[128];
	unsigned char key[64], other[64];

	(void)state;
	size_t len = make_key("ssh-ed25519", 'k', key, text);
	(void)make_key("ssh-ed25519", 'o', other, other_text);
	assert_non_null(temp_dir(dir));
	auto_free char *file = path_join(dir, "known_hosts");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_str struct str lines = STR_INIT;
		const char *mark = strstr(rows[i].line, "%s");
		struct err e = ERR_INIT;

		str_addn(&lines, rows[i].line, (size_t)(mark - rows[i].line));
		str_addf(&lines, "%s%s", text, mark + 2);
		assert_int_equal(file_replace_unsynced(file, lines.s, lines.len, 0600, &e), 0);
		auto_knownhosts struct knownhosts k = {.text = NULL};
		assert_int_equal(knownhosts_open(file, rows[i].host, rows[i].port, &k, &e), 0);
		assert_int_equal(knownhosts_check(&k, key, len), rows[i].same);
		assert_int_equal(knownhosts_check(&k, other, len), rows[i].other);
		assert_int_equal(knownhosts_check(&k, key, 3), KNOWNHOSTS_UNLISTED);
	}
	struct err e = ERR_INIT;
	struct knownhosts k;
	assert_int_equal(knownhosts_open("/nonexistent/known_hosts", "h", 22, &k, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_int_equal(tree_remove(dir, &e), 0);
}

/* The example of sshd(8)'s format, made with ssh-keygen -H for example.org */
static void test_hashed_names(void **state)
{
	static const char line[] = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= "
				   "ssh-ed25519 AAAA\n";
	char dir[] = "/tmp/mdc-known.XXXXXX";
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(temp_dir(dir));
	auto_free char *file = path_join(dir, "known_hosts");
	assert_int_equal(file_replace_unsynced(file, line, strlen(line), 0600, &e), 0);
	static const struct {
		const char *host;
		size_t types;
	} rows[] = {{"192.168.1.61", 1}, {"192.168.1.62", 0}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		auto_knownhosts struct knownhosts k = {.text = NULL};
		auto_strv struct strv types = STRV_INIT;

		assert_int_equal(knownhosts_open(file, rows[i].host, 22, &k, &e), 0);
		knownhosts_types(&k, &types);
		assert_int_equal(types.n, rows[i].types);
	}
	assert_int_equal(tree_remove(dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_feed),
		cmocka_unit_test(test_capabilities_behind_zero),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_known_hosts),
		cmocka_unit_test(test_hashed_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
