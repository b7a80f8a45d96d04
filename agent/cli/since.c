/*
 * since - see since.h.
 * Depends on: common.
 */
#include "agent/cli/since.h"

#include "common/auto.h"
#include "common/duration.h"
#include "common/str.h"

#include <string.h>
#include <time.h>

static int64_t midnight(int64_t now, int days_before)
{
	time_t t = (time_t)now;
	struct tm tm;

	localtime_r(&t, &tm);
	tm.tm_sec = tm.tm_min = tm.tm_hour = 0;
	tm.tm_mday -= days_before;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm);
}

/* strptime() takes "2026-02-31" and mktime() makes March of it: no date that anybody meant. */
static bool read_date(const char *text, int64_t *wall)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
					    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);
		int day = tm.tm_mday, month = tm.tm_mon;

		if (!end || *end)
			continue;
		tm.tm_isdst = -1;
		*wall = (int64_t)mktime(&tm);
		return *wall >= 0 && tm.tm_mday == day && tm.tm_mon == month;
	}
	return false;
}

int since_parse(const char *text, int64_t now, int64_t *wall, struct err *e)
{
	struct err ignored = ERR_INIT;
	int64_t ms = 0;

	if (str_eq(text, "today"))
		*wall = midnight(now, 0);
	else if (str_eq(text, "yesterday"))
		*wall = midnight(now, 1);
	else if (duration_parse(text, &ms, &ignored) == 0)
		*wall = now - ms / 1000;
	else if (!read_date(text, wall))
		return err_set(e, ERR_USAGE, 0,
			       "--since: expected a duration such as 2h or 3d, or a date such as "
			       "2026-11-19 or \"2026-11-19 03:12\", not '%s'",
			       text);
	return 0;
}
