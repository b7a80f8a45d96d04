/*
 * record - any bytes where a record should be, and the same bytes written as one.
 * Depends on: fuzz, record.
 */
#include "tests/fuzz/fuzz.h"

#include "common/auto.h"
#include "common/json.h"
#include "common/record.h"

#include <string.h>

void fuzz_one(const char *text, size_t len)
{
	const char *path = fuzz_path("record");
	auto_free char *back = NULL;
	auto_json cJSON *json = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	fuzz_file("record", text, len);
	if (record_read_text(path, &back, &n, &e) == 0)
		FUZZ_CHECK(back != NULL && n <= len);
	else
		FUZZ_CHECK(e.kind == ERR_BROKEN);
	free(back);
	back = NULL;
	(void)record_read(path, &json, &e);
	fuzz_record("record", text, len);
	FUZZ_CHECK(record_read_text(path, &back, &n, &e) == 0);
	FUZZ_CHECK(n == len && memcmp(back, text, len) == 0);
}
