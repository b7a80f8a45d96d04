/*
 * requires - what must be on the host before a project's new content is tried: mounts, and no
 * network of somebody else's making under a name that Compose will want. Nothing of it is the
 * content's fault, so it is tried again. Depends on: staging.h, snapshot.
 */
#include "agent/flow/snap.h"
#include "agent/flow/staging.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

int requires_mounts(const struct project *p, struct err *e)
{
	const struct strv *want = &p->settings.host.requires_mounts;

	for (size_t i = 0; i < want->n; i++) {
		auto_free char *real = realpath(want->v[i], NULL), *below = NULL;
		bool mounted = false;

		if (real && mounts_look(real, &mounted, &below, e) < 0)
			return -1;
		if (!mounted)
			return err_set(
				e, ERR_RETRY, 0,
				"nothing is mounted at %s, which requires_mounts names: mount "
				"it; what runs is left as it is",
				want->v[i]);
	}
	return 0;
}

static const cJSON *network_named(const cJSON *list, const char *name)
{
	const cJSON *n;

	cJSON_ArrayForEach (n, list) {
		if (str_eq(json_str(n, "Name", NULL), name))
			return n;
	}
	return NULL;
}

/* Compose refuses a network without its label, and it would do so after the first stop. */
int requires_networks(const cJSON *model, const cJSON *have, const char *compose, struct err *e)
{
	const cJSON *wanted;

	cJSON_ArrayForEach (wanted, json_obj(model, "networks")) {
		const char *name = json_str(wanted, "name", wanted->string);
		const cJSON *n = network_named(have, name);
		const cJSON *labels = json_obj(n, "Labels");

		if (!n || json_bool(wanted, "external", false) ||
		    str_eq(json_str(labels, "com.docker.compose.network", NULL), wanted->string))
			continue;
		return err_set(
			e, ERR_RETRY, 0,
			"network %s was not made by Compose, and Compose will not use it: stop what "
			"made it (compose2nix: systemctl stop <runtime>-compose-%s-root.target), then "
			"docker network rm %s; or declare it `external: true`",
			name, compose, name);
	}
	return 0;
}
