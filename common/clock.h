/*
 * clock - now, and deadlines. Deadlines use CLOCK_BOOTTIME; the wall clock is only shown, never
 * compared. Depends on: nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_ms(void);   /* CLOCK_BOOTTIME in ms */
int64_t clock_wall(void); /* seconds since 1970 */
int64_t clock_wall_ms(void);
void clock_pause_ms(
	int ms); /* wait inside a polling loop that has a deadline; restarts after signals */

/* A point in time that is `ms` from now. */
struct deadline {
	int64_t at_ms;
};
struct deadline deadline_in(int64_t ms);
int64_t deadline_left_ms(struct deadline d); /* 0 when over */
bool deadline_over(struct deadline d);

enum { CLOCK_ISO_SIZE = 32 };
/* "2026-11-19T03:12:45Z" into buf; returns buf. */
const char *clock_iso(int64_t wall, char buf[CLOCK_ISO_SIZE]);
/* The other way round, also with a fraction and with an offset ("+01:00"); false if it is no time.
 */
bool clock_parse_iso(const char *text, int64_t *wall);
/* "2026-11-19 03:12" local time, for people; returns buf. */
const char *clock_local(int64_t wall, char buf[CLOCK_ISO_SIZE]);

/* This boot's id from the kernel (36 characters), "unknown" if it cannot be read. Static. */
const char *clock_boot_id(void);
