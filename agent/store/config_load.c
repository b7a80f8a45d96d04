/*
 * config_load - agent.yaml from disk to struct config.
 * Its digest is made without libcrypto, because the daemon makes it too and must stay small; it
 * only has to notice a change of a file that root owns.
 * Depends on: common, model/config.
 */
#include "agent/store/store.h"

#include "agent/model/places.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/record.h"
#include "common/yaml.h"

#include <errno.h>
#include <string.h>

enum { CONFIG_MAX_BYTES = 1024 * 1024 };

static int read_text(const char *path, char **text, size_t *len, struct err *e)
{
	struct err why = ERR_INIT;

	if (file_read(path, CONFIG_MAX_BYTES, text, len, &why) == 0)
		return 0;
	if (why.errnum == ENOENT)
		return err_set(e, ERR_USAGE, ENOENT,
			       "there is no %s: `mdc-agent init` writes one, --config FILE names "
			       "another",
			       path);
	return err_set(e, ERR_USAGE, 0, "%s", why.cause);
}

int config_load(const char *path, struct diags *d, struct config *out, struct err *e)
{
	const struct yaml_limits limits = {.max_bytes = CONFIG_MAX_BYTES};
	auto_free char *file = path ? xstrdup(path) : place_settings();
	auto_free char *text = NULL;
	auto_yaml struct yaml_node *root = NULL;
	size_t len = 0;

	if (read_text(file, &text, &len, e) < 0)
		return -1;
	if (yaml_parse(text, len, file, &limits, &root, e) < 0) {
		e->kind = ERR_USAGE;
		return -1;
	}
	struct config c = {.file = NULL};
	if (config_read(root, file, d, &c, e) < 0) {
		config_done(&c);
		return -1;
	}
	free(c.file);
	free(c.digest);
	c.file = xstrdup(file);
	/* The version is in it: a new agent may read the same text differently. */
	c.digest = xasprintf("%s-%zu-%08x", MDC_VERSION, len, record_crc32c(text, len));
	*out = c;
	return 0;
}
