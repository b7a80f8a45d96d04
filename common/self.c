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

/* Relative to the directory of the running program, so that a tree installed with another prefix
 * than it was configured for (cmake --install --prefix, a copy) is whole. */
static const char *const places[] = {
	"",                      /* a build tree */
	"../libexec/mdc-agent/", /* we are in bin */
	"../../bin/",            /* we are in libexec/mdc-agent */
};

char *self_program(const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		exe[n] = '\0';
		auto_free char *dir = path_dir(exe);

		for (size_t i = 0; i < COUNT_OF(places); i++) {
			auto_free char *path = xasprintf("%s/%s%s", dir, places[i], name);

			if (access(path, X_OK) == 0)
				return TAKE(path);
		}
	}
	return path_join(MDC_LIBEXECDIR, name);
}
