/*
 * probes - the checks a project's settings ask for beside its containers: URLs that must answer,
 * systemd units that must be active. Depends on: common.
 */
#include "agent/flow/trial.h"

#include "common/http.h"
#include "common/mem.h"
#include "common/proc.h"

#include <string.h>

enum { PROBE_MS = 5000, UNIT_MS = 10000 };

static void fails(struct strv *names, struct str *why, const char *name, const char *reason)
{
	strv_push(names, name);
	if (why->len > 0)
		str_add(why, "; ");
	str_addf(why, "%s: %s", name, reason);
}

static void probe_url(const char *url, struct strv *names, struct str *why, struct strv *good)
{
	struct http_request r = {.url = url, .timeout_ms = PROBE_MS, .max_body = 1024UL * 1024};
	auto_http struct http *h = http_open(&(struct http_options){.connect_ms = PROBE_MS});
	auto_http_answer struct http_answer a = {.status = 0};
	auto_free char *name = xasprintf("http %s", url);
	struct err e = ERR_INIT;

	if (http_send(h, &r, &a, &e) < 0) {
		fails(names, why, name, e.cause);
		return;
	}
	if (a.status < 200 || a.status > 399) {
		auto_free char *text = xasprintf("answered %ld", a.status);

		fails(names, why, name, text);
		return;
	}
	if (good)
		strv_pushf(good, "%s: answered %ld", name, a.status);
}

static void probe_unit(const char *unit, struct strv *names, struct str *why, struct strv *good)
{
	const char *const argv[] = {"systemctl", "is-active", "--", unit, NULL};
	struct proc p = {.argv = argv, .timeout_ms = UNIT_MS, .max_out = 4096};
	auto_proc_result struct proc_result r = {.code = 0};
	auto_free char *name = xasprintf("unit %s", unit);
	struct err e = ERR_INIT;

	if (proc_run(&p, &r, &e) < 0) {
		fails(names, why, name, e.cause);
		return;
	}
	if (r.how != PROC_EXITED || r.code != 0) {
		auto_free char *text = proc_last_line(str_text(&r.out));

		fails(names, why, name, text[0] ? text : "is not active");
		return;
	}
	if (good)
		strv_pushf(good, "%s: active", name);
}

int probes_failing(const struct settings *s, struct strv *names, struct str *why, struct strv *good)
{
	for (size_t i = 0; i < s->health.http.n; i++)
		probe_url(s->health.http.v[i], names, why, good);
	for (size_t i = 0; i < s->health.units.n; i++)
		probe_unit(s->health.units.v[i], names, why, good);
	return (int)names->n;
}
