/*
 * store_setup - a state directory of its own for each test of store/, and ways to damage it.
 * Depends on: store.
 */
#pragma once

#include "agent/store/store.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include "tests/unit/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
	char dir[64]; /* temporary; holds state/ */
	struct config config;
	struct store *store;
};

#define assert_ok(call)                                                                            \
	do {                                                                                       \
		struct err e_ = ERR_INIT;                                                          \
		struct err *e = &e_;                                                               \
		int rc_ = (call);                                                                  \
		if (rc_ != 0)                                                                      \
			fail_msg("%s: %s", #call, e_.cause);                                       \
	} while (0)

#define assert_fails(call, want_kind, want_text)                                                   \
	do {                                                                                       \
		struct err e_ = ERR_INIT;                                                          \
		struct err *e = &e_;                                                               \
		assert_int_equal((call), -1);                                                      \
		if (e_.kind != (want_kind) || !strstr(e_.cause, want_text))                        \
			fail_msg("%s: kind %d, cause \"%s\"", #call, (int)e_.kind, e_.cause);      \
	} while (0)

static inline int scene_begin(void **state)
{
	struct scene *t = xcalloc(1, sizeof(*t));

	(void)snprintf(t->dir, sizeof(t->dir), "/tmp/mdc-store-test.XXXXXX");
	if (!temp_dir(t->dir))
		return -1;
	t->config.state_dir = path_join(t->dir, "state");
	struct err e = ERR_INIT;
	if (store_open(&t->config, true, &t->store, &e) < 0)
		return -1;
	*state = t;
	return 0;
}

static inline int scene_end(void **state)
{
	struct scene *t = *state;
	struct err e = ERR_INIT;

	if (t->store)
		store_close(t->store);
	free(t->config.state_dir);
	int rc = tree_remove(t->dir, &e);
	free(t);
	return rc;
}

/* A path in the state directory; from a few static buffers in turn. */
static inline const char *at(const struct scene *t, const char *name)
{
	static char buf[16][256];
	static unsigned int next;
	char *p = buf[next++ % 16];

	(void)snprintf(p, sizeof(buf[0]), "%s/state/%s", t->dir, name);
	return p;
}

static inline void put(const char *path, const char *text)
{
	assert_ok(file_replace_unsynced(path, text, strlen(text), 0600, e));
}

/* Cut a file to a part of itself, as a torn write would. */
static inline void tear(const char *path, size_t keep)
{
	assert_int_equal(truncate(path, (off_t)keep), 0);
}

/* Turn a bit in the middle of a file. */
static inline void flip(const char *path)
{
	char *text = NULL;
	size_t len = 0;

	assert_ok(file_read(path, 1 << 20, &text, &len, e));
	text[len / 2 + 4] ^= 1;
	assert_ok(file_replace_unsynced(path, text, len, 0600, e));
	free(text);
}

#define SCENE_TEST(fn) cmocka_unit_test_setup_teardown(fn, scene_begin, scene_end)
