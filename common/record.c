/*
 * record - JSON with a length and a checksum in front, so that a torn or edited file is noticed.
 * Depends on: err, file, json, str.
 */
#include "common/record.h"

#include "common/auto.h"
#include "common/file.h"
#include "common/json.h"
#include "common/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char magic[] = "MDC1 ";

enum { HEADER_MAX = 40 };

/* Four bits at a time: small; for processors without an instruction for it. */
static const uint32_t nibbles[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static uint32_t crc_small(uint32_t crc, const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		crc = (crc >> 4) ^ nibbles[crc & 15];
		crc = (crc >> 4) ^ nibbles[crc & 15];
	}
	return crc;
}

#ifdef __x86_64__
/* A generation of a thousand projects is half a megabyte: a fiftieth of the instructions. */
__attribute__((target("sse4.2"))) static uint32_t crc_fast(uint32_t crc, const unsigned char *p,
							   size_t len)
{
	uint64_t wide = crc;

	for (; len >= sizeof(wide); p += sizeof(wide), len -= sizeof(wide)) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	return crc_small((uint32_t)wide, p, len);
}
#endif

unsigned int record_crc32c(const void *data, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc_fast(0xffffffff, data, len) ^ 0xffffffff;
#endif
	return crc_small(0xffffffff, data, len) ^ 0xffffffff;
}

int record_write_text(const char *path, const char *text, size_t len, struct err *e)
{
	auto_str struct str file = {.max = RECORD_MAX_BYTES + HEADER_MAX};

	if (len > RECORD_MAX_BYTES)
		return err_set(e, ERR_BROKEN, 0, "record %s would have %zu bytes, more than %d",
			       path, len, RECORD_MAX_BYTES);
	str_addf(&file, "%s%zu %08x\n", magic, len, record_crc32c(text, len));
	str_addn(&file, text, len);
	return file_replace(path, file.s, file.len, 0600, e);
}

int record_write(const char *path, const cJSON *json, struct err *e)
{
	auto_free char *text = json_text(json);

	return record_write_text(path, text, strlen(text), e);
}

/* The header's fields; *body is where the JSON begins. False if it is not a header. */
static bool parse_header(const char *text, size_t *len, unsigned int *crc, const char **body)
{
	char *end = NULL;
	const char *p = text;

	if (!str_starts(p, magic))
		return false;
	p += sizeof(magic) - 1;
	if (*p < '0' || *p > '9')
		return false;
	errno = 0;
	unsigned long long n = strtoull(p, &end, 10);
	if (errno != 0 || n > RECORD_MAX_BYTES || *end != ' ')
		return false;
	p = end + 1;
	if (strspn(p, "0123456789abcdef") != 8 || p[8] != '\n')
		return false;
	*crc = (unsigned int)strtoul(p, NULL, 16);
	*len = (size_t)n;
	*body = p + 9;
	return true;
}

/* Is the body what the header says? Then *body and *have. */
static int check_record(const char *path, const char *text, size_t len, const char **body,
			size_t *have, struct err *e)
{
	size_t want = 0;
	unsigned int crc = 0;

	if (!parse_header(text, &want, &crc, body))
		return err_set(e, ERR_BROKEN, 0, "%s is not a record of this agent: bad header",
			       path);
	*have = len - (size_t)(*body - text);
	if (*have != want)
		return err_set(e, ERR_BROKEN, 0, "%s is damaged: %zu bytes instead of %zu", path,
			       *have, want);
	if (record_crc32c(*body, *have) != crc)
		return err_set(e, ERR_BROKEN, 0, "%s is damaged: its checksum is wrong", path);
	return 0;
}

/* *body points into *file, which the caller frees; NULL if there is no such file. */
static int read_record(const char *path, char **file, const char **body, size_t *have,
		       struct err *e)
{
	size_t len = 0;
	struct err why = ERR_INIT;

	*body = NULL;
	if (file_read(path, RECORD_MAX_BYTES + HEADER_MAX, file, &len, &why) == 0)
		return check_record(path, *file, len, body, have, e);
	if (why.errnum == ENOENT)
		return 0;
	*e = why;
	if (e->kind == ERR_REJECTED) /* not a file, or larger than we ever write */
		e->kind = ERR_BROKEN;
	return -1;
}

int record_read_text(const char *path, char **out, size_t *len, struct err *e)
{
	auto_free char *file = NULL;
	const char *body = NULL;

	if (read_record(path, &file, &body, len, e) < 0)
		return -1;
	if (body)
		memmove(file, body, *len + 1);
	*out = body ? TAKE(file) : NULL;
	return 0;
}

int record_read(const char *path, cJSON **out, struct err *e)
{
	auto_free char *file = NULL;
	const char *body = NULL;
	size_t len = 0;

	if (read_record(path, &file, &body, &len, e) < 0)
		return -1;
	*out = NULL;
	if (!body)
		return 0;
	/* What we wrote and nobody changed needs none of json_parse()'s budgets. */
	*out = cJSON_ParseWithLength(body, len);
	if (!*out)
		return err_set(e, ERR_BROKEN, 0, "%s is damaged: it is no JSON", path);
	return 0;
}
