/* Putting variables in, and the ports and names that a Compose file claims. */
#include "agent/eval/scan.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char env_text[] =
	"# comment\nA=1\nexport B = no\nB=two words # c\nC=\"x # y\"\nD='q'\nE=\nF=$A\n1X=no\n"
	"A=2\r\n";

/* want: the result; open: a variable that is not known ends it. */
static const struct row {
	const char *in, *want;
	bool open;
} rows[] = {
	{"plain", "plain", false},
	{"$A", "2", false},
	{"${A}/x", "2/x", false},
	{"$$A", "$A", false},
	{"${B}", "two words", false},
	{"${C}", "x # y", false},
	{"${D}${E}", "q", false},
	{"a${NO}b", "a", true},
	{"$NO", "", true},
	{"${NO:-d}", "d", false},
	{"${NO-d}", "d", false},
	{"${E:-d}", "d", false},
	{"${E-d}", "", false},
	{"${A:-d}", "2", false},
	{"${NO:-${A}}", "2", false},
	{"${NO:-${NO2:-x}}", "x", false},
	{"${A:+yes}", "yes", false},
	{"${NO:+yes}", "", false},
	{"${A:?must}", "2", false},
	{"${NO:?must}", "", true},
	{"${F}", "", true},
	{"${A", "", true},
	{"${}", "", true},
	{"${A!}", "", true},
	{"$", "", true},
	{"${1X}", "", true},
	{"${NO:-${NO:-${NO:-${NO:-${NO:-${NO:-${NO:-${NO:-${NO:-${NO:-x}}}}}}}}}}", "", true},
};

static void check_expand(void **state)
{
	const struct row *r = *state;
	AUTO(env_done) struct env e = {.n = 0};
	bool open = false;

	env_parse(env_text, &e);
	auto_free char *got = env_expand(&e, r->in, &open);
	assert_string_equal(got, r->want);
	assert_int_equal(open, r->open);
}

static const struct port_row {
	const char *in, *want; /* the first claim and how many there are; NULL: none */
	size_t n;
} ports[] = {
	{"80", NULL, 0},
	{"8080:80", "port tcp/8080 0.0.0.0 f:1:9", 1},
	{"127.0.0.1:8080:80", "port tcp/8080 127.0.0.1 f:1:9", 1},
	{"[::1]:8080:80", "port tcp/8080 [::1] f:1:9", 1},
	{"53:53/udp", "port udp/53 0.0.0.0 f:1:9", 1},
	{"8000-8002:80-82", "port tcp/8000 0.0.0.0 f:1:9", 3},
	{"${P:-81}:80", "port tcp/81 0.0.0.0 f:1:9", 1},
	{"${P}:80", NULL, 0},
	{"127.0.0.1::80", NULL, 0},
	{"99999:80", NULL, 0},
	{"1-65535:1-65535", NULL, 0},
	{":80", NULL, 0},
	{"a:b", NULL, 0},
	{"", NULL, 0},
};

static void check_port(void **state)
{
	const struct port_row *r = *state;
	struct project p;
	struct scan s;
	struct err e = ERR_INIT;
	struct place at = {.s = &s, .file = "f", .dir = ".", .runs = true};
	auto_free char *text = xasprintf("ports: [\"%s\"]\n", r->in);
	auto_yaml struct yaml_node *root = NULL;

	project_init(&p);
	scan_init(&s, NULL, &p);
	assert_int_equal(yaml_parse(text, strlen(text), "f", NULL, &root, &e), 0);
	scan_claims(&at, root);
	assert_int_equal(p.claims.n, r->n);
	if (r->want)
		assert_string_equal(p.claims.v[0], r->want);
	scan_done(&s);
	project_done(&p);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(ports)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].in, check_expand, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < COUNT_OF(ports); i++)
		tests[n++] = (struct CMUnitTest){ports[i].in, check_port, NULL, NULL,
						 (void *)(uintptr_t)&ports[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
