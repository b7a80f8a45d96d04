/*
 * secrets_boot - after a boot the runtime directory is empty, and containers that mount a secret
 * could not start: what every deployed project mounts is decrypted again, once a boot. The unit
 * mdc-agent-secrets does it before the engine starts; the first sync does it where that unit is not
 * there. Depends on: secrets.h.
 */
#include "agent/flow/secrets.h"

#include "common/file.h"
#include "common/mem.h"
#include "common/path.h"

static int one(struct sync *s, const char *project, struct err *e)
{
	struct active a;
	bool found = false;

	active_init(&a);
	int rc = active_read(s->store, project, &a, &found, e);

	if (rc == 0 && found)
		rc = secrets_put(s, &a, NULL, e);
	active_done(&a);
	return rc < 0 ? err_wrap(e, "%s", project) : 0;
}

int secrets_boot(struct sync *s, bool again, struct err *e)
{
	auto_free char *dir = path_join(s->config->runtime_dir, "secrets");
	auto_free char *mark = path_join(dir, ".in-place");
	auto_strv struct strv names = STRV_INIT;
	struct err first = ERR_INIT;

	if (!again && file_exists(mark))
		return 0;
	if (active_names(s->store, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct err why = ERR_INIT;

		if (one(s, names.v[i], &why) < 0 && first.kind == ERR_NONE)
			first = why; /* the others are put in place all the same */
	}
	if (first.kind != ERR_NONE) {
		*e = first;
		return -1;
	}
	if (dir_make(s->config->runtime_dir, 0755, e) < 0 || dir_make(dir, 0700, e) < 0)
		return -1;
	return file_replace_unsynced(mark, "", 0, 0600, e);
}

int flow_secrets(const struct config *c, struct err *e)
{
	struct sync_options o = {.lock_wait_ms = 60000};
	struct sync_report report = {.n = 0};
	struct sync s = {.config = c, .options = &o, .report = &report, .lock_fd = -1};

	s.stop.signal_fd = s.stop.event_fd = -1;
	int rc = sync_begin(&s, "secrets", e);

	if (rc == 0)
		rc = secrets_boot(&s, true, e);
	sync_report_done(&report);
	sync_close(&s);
	return rc;
}
