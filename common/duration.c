/*
 * duration - times and sizes as people write them. A unit is a row in a table.
 * Depends on: err.
 */
#include "common/duration.h"

#include "common/auto.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Largest first; duration_parse() wants them in this order, each at most once. */
static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"w", 7 * 86400000LL}, {"d", 86400000}, {"h", 3600000},
	{"m", 60000},          {"s", 1000},     {"ms", 1},
};

static const int64_t max_ms = 3653 * 86400000LL; /* ten years */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of at most 18 digits, so that it cannot overflow. NULL if there is none. */
static const char *read_number(const char *p, uint64_t *out)
{
	uint64_t n = 0;
	int digits = 0;

	for (; is_digit(*p); p++, digits++) {
		if (digits >= 18)
			return NULL;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	if (digits == 0)
		return NULL;
	*out = n;
	return p;
}

/* The index of the unit at p, and its length; -1 if it is none. */
static int find_unit(const char *p, size_t *len)
{
	*len = strcspn(p, "0123456789");
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (strlen(units[i].name) == *len && strncmp(p, units[i].name, *len) == 0)
			return (int)i;
	}
	return -1;
}

static int bad_duration(const char *text, struct err *e)
{
	return err_set(
		e, ERR_REJECTED, 0,
		"\"%.40s\" is not a duration: write for example \"90s\", \"5m\", \"1h30m\" or \"7d\"",
		text);
}

int duration_parse(const char *text, int64_t *ms, struct err *e)
{
	int64_t total = 0;
	int last = -1;
	const char *p = text;

	do {
		uint64_t n = 0;
		size_t len = 0;
		const char *after = read_number(p, &n);

		if (!after)
			return bad_duration(text, e);
		int unit = find_unit(after, &len);
		if (unit <= last) /* none, twice, or a larger one behind a smaller one */
			return bad_duration(text, e);
		last = unit;
		p = after + len;
		int64_t part;
		if (__builtin_mul_overflow((int64_t)n, units[unit].ms, &part) || part > max_ms ||
		    (total += part) > max_ms)
			return err_set(e, ERR_REJECTED, 0, "\"%.40s\" is longer than ten years",
				       text);
	} while (*p != '\0');
	*ms = total;
	return 0;
}

const char *duration_text(int64_t ms, char *buf, size_t size)
{
	if (ms < 0)
		ms = 0;
	if (ms < 1000) {
		(void)snprintf(buf, size, "%" PRId64 " ms", ms);
		return buf;
	}
	if (ms < 60000) {
		int64_t tenths = ms / 100;

		if (tenths % 10 == 0)
			(void)snprintf(buf, size, "%" PRId64 " s", tenths / 10);
		else
			(void)snprintf(buf, size, "%" PRId64 ".%" PRId64 " s", tenths / 10,
				       tenths % 10);
		return buf;
	}
	/* Two neighbouring units: more precision is noise to a reader. Weeks are shown as days. */
	size_t big = 1;
	while (big + 2 < COUNT_OF(units) && ms < units[big].ms)
		big++;
	int64_t many = ms / units[big].ms;
	int64_t rest = ms % units[big].ms / units[big + 1].ms;
	if (rest > 0)
		(void)snprintf(buf, size, "%" PRId64 " %s %" PRId64 " %s", many, units[big].name,
			       rest, units[big + 1].name);
	else
		(void)snprintf(buf, size, "%" PRId64 " %s", many, units[big].name);
	return buf;
}

const char *duration_key(int64_t ms, char *buf, size_t size)
{
	if (ms <= 0) {
		(void)snprintf(buf, size, "0s");
		return buf;
	}
	for (size_t i = 1; i < COUNT_OF(units); i++) {
		if (ms % units[i].ms == 0) {
			(void)snprintf(buf, size, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
			break;
		}
	}
	return buf;
}

/* Which power of 1024 a size's unit stands for; -1 if it is none. */
static int size_power(const char *unit)
{
	static const char letters[] = "kmgt";

	if (unit[0] == '\0' || strcasecmp(unit, "b") == 0)
		return 0;
	for (int i = 0; letters[i] != '\0'; i++) {
		if ((unit[0] | 0x20) != letters[i])
			continue;
		if (unit[1] == '\0' || strcasecmp(unit + 1, "b") == 0 ||
		    strcasecmp(unit + 1, "ib") == 0)
			return i + 1;
	}
	return -1;
}

int size_parse(const char *text, uint64_t *bytes, struct err *e)
{
	uint64_t n = 0;
	const char *unit = read_number(text, &n);
	int power = unit ? size_power(unit) : -1;

	if (power < 0)
		return err_set(
			e, ERR_REJECTED, 0,
			"\"%.40s\" is not a size: write for example \"500k\", \"10MB\" or \"1GiB\"",
			text);
	for (int i = 0; i < power; i++) {
		if (__builtin_mul_overflow(n, (uint64_t)1024, &n))
			return err_set(e, ERR_REJECTED, 0, "\"%.40s\" is too large a size", text);
	}
	*bytes = n;
	return 0;
}

const char *size_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t power = 0;
	uint64_t whole = bytes, tenths = 0;

	while (whole >= 1024 && power + 1 < COUNT_OF(names)) {
		tenths = whole % 1024 * 10 / 1024;
		whole /= 1024;
		power++;
	}
	if (tenths > 0 && whole < 100)
		(void)snprintf(buf, size, "%" PRIu64 ".%" PRIu64 " %s", whole, tenths,
			       names[power]);
	else
		(void)snprintf(buf, size, "%" PRIu64 " %s", whole, names[power]);
	return buf;
}
