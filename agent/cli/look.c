/*
 * look - painting, terminal size, relative times.
 * Depends on: common.
 */
#include "agent/cli/look.h"

#include "common/clock.h"
#include "common/duration.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
	}
	return false;
}

void look_size(int fd, int *columns, int *rows)
{
	struct winsize w = {0};

	*columns = 80;
	*rows = 24;
	if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0) {
		*columns = w.ws_col;
		*rows = w.ws_row;
	}
}

struct look look_of(int fd, enum color_choice choice)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool terminal = isatty(fd) == 1;
	bool able = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	struct look k = {.utf8 = locale_is_utf8(), .now = clock_wall()};
	int rows;

	k.color = choice == COLOR_ALWAYS || (choice == COLOR_AUTO && able);
	if (terminal)
		look_size(fd, &k.columns, &rows);
	return k;
}

void look_addf(struct str *out, const struct look *k, enum tone t, const char *fmt, ...)
{
	static const char *const codes[] = {
		[TONE_PLAIN] = "", [TONE_GOOD] = "32", [TONE_WARN] = "33",
		[TONE_BAD] = "31", [TONE_DIM] = "2",   [TONE_BOLD] = "1",
	};
	bool paint = k->color && t != TONE_PLAIN;
	va_list ap;

	if (paint)
		str_addf(out, "\033[%sm", codes[t]);
	va_start(ap, fmt);
	str_vaddf(out, fmt, ap);
	va_end(ap);
	if (paint)
		str_add(out, "\033[0m");
}

const char *look_ago(int64_t when, int64_t now, char *buf, size_t size)
{
	char span[64];

	if (when <= 0)
		snprintf(buf, size, "never");
	else if (now <= when) /* the clock was set back, or just now */
		snprintf(buf, size, "just now");
	else
		snprintf(buf, size, "%s ago",
			 duration_text((now - when) * 1000, span, sizeof(span)));
	return buf;
}
