/*
 * self - finds our other programs.
 * Depends on: mem, path.
 */
#include "common/self.h"

#include "common/auto.h"
#include "common/mem.h"
#include "common/path.h"

#include <limits.h>
#include <unistd.h>

char *self_program(const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		exe[n] = '\0';
		auto_free char *dir = path_dir(exe);
		auto_free char *beside = path_join(dir, name);

		if (access(beside, X_OK) == 0)
			return TAKE(beside);
	}
	return path_join(MDC_LIBEXECDIR, name);
}
