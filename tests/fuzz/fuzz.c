/*
 * fuzz - see fuzz.h.
 * Depends on: core, libFuzzer.
 */
#include "tests/fuzz/fuzz.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"
#include "common/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xmalloc(size + 1);

	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	fuzz_one(text, size);
	return 0;
}

static char directory[128];

static void remove_directory(void)
{
	struct err ignored = ERR_INIT;

	(void)tree_remove(directory, &ignored);
}

const char *fuzz_dir(void)
{
	if (directory[0] == '\0') {
		const char *top =
			getenv("MDC_FUZZ_TMP"); /* whose owner removes it after a crash, too */

		(void)snprintf(directory, sizeof(directory), "%s/mdc-fuzz-XXXXXX",
			       top ? top : "/dev/shm");
		FUZZ_CHECK(mkdtemp(directory) != NULL);
		(void)atexit(remove_directory);
	}
	return directory;
}

const char *fuzz_path(const char *name)
{
	static char buf[8][256];
	static unsigned int next;
	char *p = buf[next++ % 8];

	(void)snprintf(p, sizeof(buf[0]), "%s/%s", fuzz_dir(), name);
	return p;
}

void fuzz_file(const char *name, const char *data, size_t len)
{
	const char *path = fuzz_path(name);
	FILE *f = fopen(path, "we");

	if (!f && errno == ENOENT) {
		auto_free char *dir = path_dir(path);
		struct err e = ERR_INIT;

		FUZZ_CHECK(dir_make(dir, 0700, &e) == 0);
		f = fopen(path, "we");
	}
	FUZZ_CHECK(f != NULL);
	FUZZ_CHECK(fwrite(data, 1, len, f) == len);
	FUZZ_CHECK(fclose(f) == 0);
}

void fuzz_record(const char *name, const char *text, size_t len)
{
	auto_str struct str file = STR_INIT;

	str_addf(&file, "MDC1 %zu %08x\n", len, record_crc32c(text, len));
	str_addn(&file, text, len);
	fuzz_file(name, str_text(&file), file.len);
}

void fuzz_cut(const char *text, size_t len, struct fuzz_parts *out)
{
	static const char mark[] = "--\n";
	const char *end = text + len;

	*out = (struct fuzz_parts){.n = 0};
	while (out->n < FUZZ_PARTS_MAX) {
		const char *cut = memmem(text, (size_t)(end - text), mark, sizeof(mark) - 1);
		size_t n = (size_t)((cut && out->n + 1 < FUZZ_PARTS_MAX ? cut : end) - text);
		char *part = xmalloc(n + 1);

		memcpy(part, text, n);
		part[n] = '\0';
		out->v[out->n] = part;
		out->len[out->n++] = n;
		text += n;
		if (text == end)
			return;
		text += sizeof(mark) - 1;
	}
}

void fuzz_parts_done(struct fuzz_parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i]);
	p->n = 0;
}

const char *fuzz_part(const struct fuzz_parts *p, size_t i)
{
	return i < p->n ? p->v[i] : "";
}
