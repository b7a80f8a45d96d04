/*
 * Tests of common/duration: times and sizes, both ways.
 */
#include "common/duration.h"

#include "common/auto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct row {
	const char *name, *in;
	int64_t want_ms; /* -1: must be left untouched */
	enum err_kind want;
} rows[] = {
	{"seconds", "90s", 90000, ERR_NONE},
	{"minutes", "5m", 300000, ERR_NONE},
	{"two units", "1h30m", 5400000, ERR_NONE},
	{"days", "7d", 604800000, ERR_NONE},
	{"milliseconds", "250ms", 250, ERR_NONE},
	{"all", "1w1d1h1m1s1ms", 694861001, ERR_NONE},
	{"zero", "0s", 0, ERR_NONE},
	{"ten years", "3650d", 315360000000, ERR_NONE},
	{"no unit", "90", -1, ERR_REJECTED},
	{"nothing", "", -1, ERR_REJECTED},
	{"unit only", "s", -1, ERR_REJECTED},
	{"unknown unit", "5x", -1, ERR_REJECTED},
	{"white space", "5 m", -1, ERR_REJECTED},
	{"negative", "-5m", -1, ERR_REJECTED},
	{"same unit twice", "5m5m", -1, ERR_REJECTED},
	{"wrong order", "5s1m", -1, ERR_REJECTED},
	{"rest without unit", "1h30", -1, ERR_REJECTED},
	{"too long", "4000d", -1, ERR_REJECTED},
	{"overflow", "999999999999999999w", -1, ERR_REJECTED},
	{"too many digits", "1234567890123456789s", -1, ERR_REJECTED},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct err e = ERR_INIT;
	int64_t got = -1;

	assert_int_equal(duration_parse(r->in, &got, &e), r->want == ERR_NONE ? 0 : -1);
	assert_int_equal(e.kind, r->want);
	assert_true(got == r->want_ms);
}

static const struct text_row {
	const char *name;
	int64_t ms;
	const char *text, *key;
} text_rows[] = {
	{"zero", 0, "0 ms", "0s"},
	{"850 ms", 850, "850 ms", "850ms"},
	{"12.3 s", 12345, "12.3 s", "12345ms"},
	{"12 s", 12000, "12 s", "12s"},
	{"59.9 s", 59999, "59.9 s", "59999ms"},
	{"90 s", 90000, "1 m 30 s", "90s"},
	{"2 m", 120000, "2 m", "2m"},
	{"3 m 20 s", 200000, "3 m 20 s", "200s"},
	{"1 h", 3600000, "1 h", "1h"},
	{"1 h 59 m", 7199999, "1 h 59 m", "7199999ms"},
	{"3 d 4 h", 273600000, "3 d 4 h", "76h"},
	{"30 d", 2592000000, "30 d", "30d"},
};

static void check_text(void **state)
{
	const struct text_row *r = *state;
	char buf[64];
	struct err e = ERR_INIT;
	int64_t back = -1;

	assert_string_equal(duration_text(r->ms, buf, sizeof(buf)), r->text);
	assert_string_equal(duration_key(r->ms, buf, sizeof(buf)), r->key);
	assert_int_equal(duration_parse(buf, &back, &e), 0);
	assert_true(back == r->ms);
}

static const struct size_row {
	const char *name, *in;
	uint64_t want;
	const char *text; /* NULL: refused */
} size_rows[] = {
	{"bytes", "4096", 4096, "4 KiB"},    {"kilobytes", "500k", 512000, "500 KiB"},
	{"MB", "10MB", 10485760, "10 MiB"},  {"GiB", "1GiB", 1073741824, "1 GiB"},
	{"T", "2t", 2199023255552, "2 TiB"}, {"b", "7B", 7, "7 B"},
	{"part", "1536", 1536, "1.5 KiB"},   {"no number", "MB", 99, NULL},
	{"nothing", "", 99, NULL},           {"unknown", "5x", 99, NULL},
	{"rest", "5MBs", 99, NULL},          {"too large", "99999999999T", 99, NULL},
	{"negative", "-1", 99, NULL},
};

static void check_size(void **state)
{
	const struct size_row *r = *state;
	struct err e = ERR_INIT;
	uint64_t got = 99;
	char buf[64];

	assert_int_equal(size_parse(r->in, &got, &e), r->text ? 0 : -1);
	assert_true(got == r->want);
	if (r->text)
		assert_string_equal(size_text(got, buf, sizeof(buf)), r->text);
	else
		assert_int_equal(e.kind, ERR_REJECTED);
}

#define ROWS(table, check)                                                                         \
	for (size_t i = 0; i < COUNT_OF(table); i++)                                               \
		tests[n++] = (struct CMUnitTest)                                                   \
		{                                                                                  \
			table[i].name, check, NULL, NULL, (void *)(uintptr_t)&table[i]             \
		}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + COUNT_OF(text_rows) + COUNT_OF(size_rows)];
	size_t n = 0;

	ROWS(rows, check_row);
	ROWS(text_rows, check_text);
	ROWS(size_rows, check_size);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
