/*
 * log - one line, one write to stderr, so that lines of several processes do not mix.
 * Depends on: str.
 */
#include "common/log.h"

#include "common/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024 };

static bool verbose;

void log_set_verbose(bool on)
{
	verbose = on;
}

bool log_verbose(void)
{
	return verbose;
}

static void put(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere left to complain */
		text += n;
		len -= (size_t)n;
	}
}

static bool is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

/*
 * Every line of the text gets the prefix: journald takes "<N>" line by line. What callers show is
 * made printable by them; control characters that slip through must still not reach a terminal.
 */
static void __attribute__((format(printf, 2, 0))) emit(int priority, const char *fmt, va_list ap)
{
	auto_str struct str text = {.max = LINE_MAX_BYTES};
	auto_str struct str lines = STR_INIT;
	bool journal = getenv("JOURNAL_STREAM") != NULL;

	str_vaddf(&text, fmt, ap);
	for (const char *p = str_text(&text); *p != '\0';) {
		size_t n = strcspn(p, "\n");

		if (journal)
			str_addf(&lines, "<%d>", priority);
		else if (priority <= LOG_WARNING)
			str_add(&lines, "mdc-agent: ");
		for (size_t i = 0; i < n; i++)
			str_addn(&lines, is_control((unsigned char)p[i]) ? "?" : p + i, 1);
		str_addc(&lines, '\n');
		p += n + (p[n] == '\n');
	}
	put(str_text(&lines), lines.len);
}

#define EMIT(priority)                                                                             \
	do {                                                                                       \
		int saved_ = errno;                                                                \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		emit(priority, fmt, ap);                                                           \
		va_end(ap);                                                                        \
		errno = saved_;                                                                    \
	} while (0)

void log_debug(const char *fmt, ...)
{
	if (verbose)
		EMIT(LOG_DEBUG);
}

void log_info(const char *fmt, ...)
{
	EMIT(LOG_INFO);
}

void log_warn(const char *fmt, ...)
{
	EMIT(LOG_WARNING);
}

void log_error(const char *fmt, ...)
{
	EMIT(LOG_ERR);
}
