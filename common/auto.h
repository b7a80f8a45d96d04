/*
 * auto - clean-up at the end of a scope. `auto_free char *p` frees p on every way out.
 * A module with a destructor declares its own attribute with AUTO_PTR or AUTO_DONE.
 * Depends on: nothing.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn) __attribute__((cleanup(fn)))

/* Hand ownership out: the value is returned, the variable becomes NULL. */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

/* Hand a descriptor out: the value is returned, the variable becomes -1. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

/* Move a struct out by value; the variable becomes all zero. */
#define TAKE_STRUCT(s)                                                                             \
	({                                                                                         \
		__typeof__(s) taken_ = (s);                                                        \
		(s) = (__typeof__(s)){0};                                                          \
		taken_;                                                                            \
	})

/* fn(p) for a pointer variable: declares fn_at for AUTO(). NULL is skipped. */
#define AUTO_PTR(fn, type)                                                                         \
	static inline void fn##_at(type **p)                                                       \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

static inline void auto_free_at(void *p)
{
	free(*(void **)p);
}

static inline void auto_close_at(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define auto_free  AUTO(auto_free_at)
#define auto_close AUTO(auto_close_at)

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
