/*
 * log - prose for people: stderr on a terminal and elsewhere, with "<N>" priorities under systemd.
 * Only cli, daemon and flow's outermost steps log above debug; everything below returns an error.
 * Depends on: str.
 */
#pragma once

#include <stdbool.h>

void log_set_verbose(bool on); /* show debug */
bool log_verbose(void);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
