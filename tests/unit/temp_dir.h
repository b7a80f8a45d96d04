/*
 * temp_dir - a directory of a test's own that goes with the program, also where an assertion jumped
 * over the test's clean-up. Depends on: libc.
 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEMP_DIRS = 256 };

static struct {
	pid_t program;
	size_t n;
	char path[TEMP_DIRS][64];
} temp_dirs;

static int temp_dir_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

static void temp_dir_remove_all(void)
{
	if (getpid() != temp_dirs.program) /* a child of a test that left by exit() */
		return;
	for (size_t i = 0; i < temp_dirs.n; i++)
		(void)nftw(temp_dirs.path[i], temp_dir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* As mkdtemp(): an absolute template, of less than 64 bytes; NULL on failure. */
static inline char *temp_dir(char *template)
{
	char *made = mkdtemp(template);

	if (!made || temp_dirs.n == TEMP_DIRS || strlen(made) >= sizeof(temp_dirs.path[0]))
		return made;
	if (!temp_dirs.n && atexit(temp_dir_remove_all) == 0)
		temp_dirs.program = getpid();
	memcpy(temp_dirs.path[temp_dirs.n++], made, strlen(made) + 1);
	return made;
}
