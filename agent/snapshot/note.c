/*
 * note - what is kept of a copy that is no tree of ours: its name for whoever keeps it. A record in
 * the store, which nobody but the agent can write. Depends on: driver, json, record.
 */
#include "agent/snapshot/driver.h"

#include "common/auto.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/record.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NAME_LEN_MAX = 100 };

void note_done(struct note *n)
{
	free(n->driver);
	free(n->program);
	free(n->path);
	free(n->set);
	free(n->name);
	free(n->restore);
	*n = (struct note){0};
}

int note_write(const char *place, const struct note *n, struct err *e)
{
	auto_json cJSON *j = cJSON_CreateObject();

	json_set_str(j, "driver", n->driver);
	json_set_str(j, "program", n->program);
	json_set_str(j, "path", n->path);
	json_set_str(j, "set", n->set);
	json_set_str(j, "name", n->name);
	json_set_str(j, "restore", n->restore);
	json_set_bool(j, "done", n->done);
	return record_write(place, j, e);
}

int note_read(const char *place, struct note *out, struct err *e)
{
	auto_json cJSON *j = NULL;

	if (record_read(place, &j, e) < 0)
		return -1;
	const char *name = json_str(j, "name", NULL), *driver = json_str(j, "driver", NULL);

	if (!name || !driver)
		return err_set(e, ERR_BROKEN, 0, "%s is no note of a copy", place);
	*out = (struct note){
		.driver = xstrdup(driver),
		.program = xstrdup_null(json_str(j, "program", NULL)),
		.path = xstrdup_null(json_str(j, "path", NULL)),
		.set = xstrdup_null(json_str(j, "set", NULL)),
		.name = xstrdup(name),
		.restore = xstrdup_null(json_str(j, "restore", NULL)),
		.done = json_bool(j, "done", false),
	};
	return 0;
}

/* Names for others: what is legal everywhere, and still different where that made them equal. */
char *note_name(const char *place)
{
	auto_free char *dir = path_dir(place);
	auto_free char *name = xasprintf("mdc-%s-%s", path_base(dir), path_base(place));
	bool changed = strlen(name) > NAME_LEN_MAX;
	char digest[DIGEST_HEX_SIZE];

	digest_text(name, digest);
	for (char *c = name; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) {
			*c = '-';
			changed = true;
		}
	}
	return changed ? xasprintf("%.*s-%.12s", NAME_LEN_MAX, name, digest) : TAKE(name);
}

char *note_left(const char *name)
{
	unsigned long long random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (unsigned long long)clock_ms();
	return xasprintf("%s-left-%016llx", name, random);
}
