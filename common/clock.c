/*
 * clock - the two clocks, and deadlines on the one that counts through suspend and never jumps.
 * Depends on: nothing.
 */
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t to_ms(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return to_ms(t);
}

#ifdef MDC_FAULTS
/* MDC_FAULT_CLOCK=seconds: a wall clock that is wrong by so much, for tests. */
static int64_t wrong_s(void)
{
	const char *by = getenv("MDC_FAULT_CLOCK");

	return by ? strtoll(by, NULL, 10) : 0;
}
#else
static int64_t wrong_s(void)
{
	return 0;
}
#endif

int64_t clock_wall(void)
{
	return (int64_t)time(NULL) + wrong_s();
}

int64_t clock_wall_ms(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return to_ms(t) + wrong_s() * 1000;
}

void clock_pause_ms(int ms)
{
	struct timespec until = {0};

	if (ms <= 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
	}
}

struct deadline deadline_in(int64_t ms)
{
	struct deadline d;

	if (__builtin_add_overflow(clock_ms(), ms, &d.at_ms))
		d.at_ms = ms > 0 ? INT64_MAX : 0;
	return d;
}

int64_t deadline_left_ms(struct deadline d)
{
	int64_t now = clock_ms();

	return d.at_ms > now ? d.at_ms - now : 0;
}

bool deadline_over(struct deadline d)
{
	return deadline_left_ms(d) == 0;
}

const char *clock_iso(int64_t wall, char buf[CLOCK_ISO_SIZE])
{
	struct tm parts;
	time_t t = (time_t)wall;

	if (!gmtime_r(&t, &parts) ||
	    strftime(buf, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
		(void)snprintf(buf, CLOCK_ISO_SIZE, "@%lld", (long long)wall);
	return buf;
}

bool clock_parse_iso(const char *text, int64_t *wall)
{
	struct tm parts = {.tm_year = 0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	int hours = 0, minutes = 0;

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z") != 0 && sscanf(rest, "%3d:%2d", &hours, &minutes) != 2)
		return false;
	int64_t offset_s = (int64_t)hours * 3600 + (rest[0] == '-' ? -minutes : minutes) * 60;

	*wall = (int64_t)timegm(&parts) - offset_s;
	return true;
}

const char *clock_local(int64_t wall, char buf[CLOCK_ISO_SIZE])
{
	struct tm parts;
	time_t t = (time_t)wall;

	if (!localtime_r(&t, &parts) ||
	    strftime(buf, CLOCK_ISO_SIZE, "%Y-%m-%d %H:%M", &parts) == 0)
		(void)snprintf(buf, CLOCK_ISO_SIZE, "@%lld", (long long)wall);
	return buf;
}

const char *clock_boot_id(void)
{
	/* Read once: it cannot change while we run. */
	static char id[37];

	if (id[0] != '\0')
		return id;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, id, sizeof(id) - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	if (n != (ssize_t)sizeof(id) - 1)
		memcpy(id, "unknown", sizeof("unknown"));
	return id;
}
