/*
 * Tests of common/record: what was written comes back, and damage of any kind is noticed.
 */
#include "common/record.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/json.h"
#include "common/mem.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int enter(void **state)
{
	char *dir = xstrdup("/tmp/mdc-record-XXXXXX");

	*state = dir;
	return temp_dir(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	struct err e = ERR_INIT;
	int failed = tree_remove(*state, &e);

	free(*state);
	return failed;
}

static const struct row {
	const char *name, *text;
	enum err_kind want;
} rows[] = {
	{"empty file", "", ERR_BROKEN},
	{"no record", "{}", ERR_BROKEN},
	{"header only", "MDC1 2 00000000\n", ERR_BROKEN},
	{"half a header", "MDC1 2", ERR_BROKEN},
	{"newer version", "MDC2 2 00000000\n{}", ERR_BROKEN},
	{"wrong checksum", "MDC1 2 00000000\n{}", ERR_BROKEN},
	{"negative length", "MDC1 -2 00000000\n{}", ERR_BROKEN},
	{"huge length", "MDC1 99999999999999999999 00000000\n{}", ERR_BROKEN},
	{"capital hex", "MDC1 2 ABCDEF00\n{}", ERR_BROKEN},
	{"right", "MDC1 2 297bd0aa\n{}", ERR_NONE},
	{"one byte more", "MDC1 2 297bd0aa\n{} ", ERR_BROKEN},
	{"one byte less", "MDC1 2 297bd0aa\n{", ERR_BROKEN},
	{"a number is JSON too", "MDC1 9 e3069283\n123456789", ERR_NONE},
	{"checksum of a bad text", "MDC1 1 c1d04330\na", ERR_BROKEN},
};

static void check_row(void **state)
{
	const struct row *r = *state;
	struct err e = ERR_INIT;
	auto_json cJSON *out = NULL;
	char path[] = "/tmp/mdc-record-row-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(file_replace_unsynced(path, r->text, strlen(r->text), 0600, &e), 0);
	int failed = record_read(path, &out, &e);
	(void)unlink(path);
	assert_int_equal(failed, r->want == ERR_NONE ? 0 : -1);
	assert_int_equal(e.kind, r->want);
	assert_int_equal(out != NULL, r->want == ERR_NONE);
}

static void check_round(void **state)
{
	struct err e = ERR_INIT;
	auto_json cJSON *in = cJSON_Parse("{\"n\":41,\"s\":\"gr\\u00fcn\",\"l\":[1,true,null]}");
	auto_json cJSON *out = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(record_write("r", in, &e), 0);
	assert_int_equal(stat("r", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(record_read("r", &out, &e), 0);
	assert_true(cJSON_Compare(in, out, true));
}

static void check_missing(void **state)
{
	struct err e = ERR_INIT;
	cJSON *out = (cJSON *)*state;

	assert_int_equal(record_read("missing", &out, &e), 0);
	assert_null(out);
	assert_int_equal(record_read(".", &out, &e), -1);
	assert_int_equal(e.kind, ERR_BROKEN);
}

/* Any single bit that turns is noticed, at any place in the file. */
static void check_every_bit(void **state)
{
	struct err e = ERR_INIT;
	auto_json cJSON *in = cJSON_Parse("{\"generation\":41,\"projects\":[\"web\"]}");
	auto_free char *text = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(record_write("r", in, &e), 0);
	assert_int_equal(file_read("r", 1000, &text, &len, &e), 0);
	for (size_t bit = 0; bit < len * 8; bit++) {
		cJSON *out = NULL;

		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		assert_int_equal(file_replace_unsynced("r", text, len, 0600, &e), 0);
		assert_int_equal(record_read("r", &out, &e), -1);
		assert_null(out);
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
}

static void check_crc(void **state)
{
	(void)state;
	assert_int_equal(record_crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(record_crc32c("", 0), 0);
}

int main(void)
{
	struct CMUnitTest tests[COUNT_OF(rows) + 4];
	size_t n = 0;

	for (; n < COUNT_OF(rows); n++)
		tests[n] = (struct CMUnitTest){rows[n].name, check_row, NULL, NULL,
					       (void *)(uintptr_t)&rows[n]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(check_round, enter, leave);
	tests[n++] =
		(struct CMUnitTest)cmocka_unit_test_setup_teardown(check_missing, enter, leave);
	tests[n++] =
		(struct CMUnitTest)cmocka_unit_test_setup_teardown(check_every_bit, enter, leave);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(check_crc);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
