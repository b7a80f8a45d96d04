/*
 * signed - images that must be signed are asked of the program cosign: once they are here, by the
 * digest that is going to run, before anything that runs is touched. What cosign says by its exit
 * status counts, never its words. Depends on: staging.h, agent/policy, proc.
 */
#include "agent/flow/staging.h"

#include "agent/policy/judge.h"
#include "common/mem.h"
#include "common/proc.h"

#include <string.h>

enum { VERIFY_MS = 60000, FIRST_REASON = 10, LAST_REASON = 13 };

static const char install[] =
	"install cosign (package `cosign`, or a release of github.com/sigstore/cosign) where the agent's "
	"PATH finds it, or remove the entry from `policy.cosign` in agent.yaml";

/* No signature, none that fits the key: the image's own fault. Anything else may be the network. */
static bool is_verdict(int code)
{
	return code >= FIRST_REASON && code <= LAST_REASON;
}

static int ask(const struct policy_signer *s, const struct pinned_image *p, struct err *e)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");
	auto_strv struct strv env = STRV_INIT, argv = STRV_INIT;
	auto_proc_result struct proc_result r = {.how = PROC_EXITED};

	strv_pushf(&env, "PATH=%s",
		   path ? path : "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin");
	strv_pushf(&env, "HOME=%s", home && home[0] ? home : "/root");
	strv_push(&argv, "cosign");
	strv_push(&argv, "verify");
	strv_push(&argv, "--key");
	strv_push(&argv, s->key);
	if (!s->log)
		strv_push(&argv, "--insecure-ignore-tlog=true");
	strv_push(&argv, p->pin);
	const struct proc c = {.argv = (const char *const *)argv.v,
			       .env = (const char *const *)env.v,
			       .timeout_ms = VERIFY_MS,
			       .max_out = (size_t)4 * 1024 * 1024};

	if (proc_run(&c, &r, e) < 0)
		return e->kind != ERR_BROKEN
			       ? -1
			       : err_set(e, ERR_RETRY, 0,
					 "service %s: image %s must be signed (policy.cosign), and there is "
					 "no program to check it: %s",
					 p->service, p->ref, install);
	if (r.how == PROC_EXITED && r.code == 0)
		return 0;
	char how[80];
	auto_free char *last = proc_last_line(str_text(&r.err));
	auto_free char *shown = str_printable(last, 300);

	return err_set(e, r.how == PROC_EXITED && is_verdict(r.code) ? ERR_REJECTED : ERR_RETRY, 0,
		       "service %s: image %s is not known to be signed with %s: cosign %s%s%s",
		       p->service, p->pin, s->key, proc_how_text(&c, &r, how, sizeof(how)),
		       shown[0] ? ": " : "", shown);
}

static int check(struct staging *g, const struct policy_signer *s, const struct pinned_image *p,
		 struct err *e)
{
	if (!strstr(p->pin, "@sha256:"))
		return err_set(
			e, ERR_REJECTED, 0,
			"service %s: image %s must be signed (policy.cosign for %s), but it was "
			"made on this host: only an image with a registry's digest can be checked",
			p->service, p->ref, s->images);
	job_show(g->job, "signatures", p->ref);
	return ask(s, p, e);
}

int staging_signed(struct staging *g, struct err *e)
{
	const struct policy *policy = &g->sync->config->policy;
	const struct active *a = &g->trial->new;

	for (size_t i = 0; i < a->n_images && !g->sync->dry; i++)
		for (size_t k = 0; k < policy->n_signers; k++)
			if (policy_image_matches(policy->signers[k].images, a->images[i].ref) &&
			    check(g, &policy->signers[k], &a->images[i], e) < 0)
				return -1;
	return 0;
}
