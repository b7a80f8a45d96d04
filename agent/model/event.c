/*
 * event - the table of events. docs/events.md and the journal's catalog are printed from it.
 * Depends on: common.
 * To add one: a name in enum event and a row here with a fresh id of 32 random hex digits
 * (`systemd-id128 new`).
 */
#include "agent/model/event.h"

#include "common/auto.h"

#include <syslog.h>

static const struct event_kind kinds[EVENT_COUNT] = {
	[EVENT_AGENT_STARTED] = {"agent.started", LOG_INFO, "62bcdad4880545e09c62d4d76cc00edf",
				 "The agent started and watches its source.", "Nothing."},
	[EVENT_AGENT_STOPPED] =
		{"agent.stopped", LOG_INFO, "ef0d147a45964bf8a569202eb851db2b",
		 "The agent stopped because it was asked to; what runs goes on running.",
		 "Nothing. Work that was under way goes on at the next start."},
	[EVENT_RECOVERED] =
		{"agent.recovered", LOG_WARNING, "7f549eca54744dc0945309120e90aa3c",
		 "A run was cut off by a crash or power loss, and its work was finished or undone.",
		 "Look at the reason and at what the agent did; if it names a crash of the agent itself, report it."},
	[EVENT_SOURCE_UNREACHABLE] =
		{"source.unreachable", LOG_WARNING, "f009426822e943c5bf7ec71638d2b133",
		 "The config repository cannot be reached. What runs is left alone.",
		 "Check the network, the URL and the credentials in agent.yaml; the agent tries again by itself."},
	[EVENT_SOURCE_REACHABLE] = {"source.reachable", LOG_NOTICE,
				    "392e7b5906b649caa96eae67c353fdf1",
				    "The config repository can be reached again.", "Nothing."},
	[EVENT_SOURCE_REJECTED] =
		{"source.rejected", LOG_ERR, "df0302c3e65145279bed8d722ed34fdb",
		 "A commit was refused: its content or its history is not acceptable. What runs is left alone.",
		 "Read the reason, correct the repository and push again."},
	[EVENT_SOURCE_FORCED] =
		{"source.forced", LOG_WARNING, "b3954368d2564a9b80551b3dedb37737",
		 "The branch was rewritten: the new head does not descend from the last one.",
		 "If nobody meant to force-push, find out who did."},
	[EVENT_SYNC_FINISHED] =
		{"sync.finished", LOG_INFO, "baa94ba34475498d861455a76e1fae0b",
		 "A sync came to its end.",
		 "Nothing, unless its reason names projects that failed or are held."},
	[EVENT_PROJECT_DEPLOYED] = {"project.deployed", LOG_NOTICE,
				    "581373cb83314a178d79cd9fe0a11002",
				    "A project was deployed, became healthy and was committed.",
				    "Nothing."},
	[EVENT_PROJECT_FAILED] =
		{"project.failed", LOG_ERR, "8cc0bee27d0a40d081c6721c1710274e",
		 "A project could not be deployed. This content is not tried again by itself.",
		 "Read the reason. Push a correction, or run `mdc-agent retry` when the cause was outside of the repository."},
	[EVENT_PROJECT_ROLLED_BACK] =
		{"project.rolled-back", LOG_ERR, "a637386b4c1b4655a98010a534c08744",
		 "A project did not become healthy and went back to what held before.",
		 "Read the reason and push a correction. Data in volumes was not taken back: this version makes no snapshots."},
	[EVENT_PROJECT_HELD] =
		{"project.held", LOG_WARNING, "99b50171077a46e78c156165d7167b8f",
		 "A project stays at its last good content although the repository wants something else.",
		 "Read the reason: a failed trial, a project it depends on, a suspension or a mistake in its files."},
	[EVENT_PROJECT_REMOVED] =
		{"project.removed", LOG_NOTICE, "bc6d1ec18f304b468b61ee26c925ad06",
		 "A project is no longer wanted on this host and was taken down. Its volumes were kept.",
		 "Remove its volumes by hand if nobody needs the data."},
	[EVENT_PROJECT_DEGRADED] =
		{"project.degraded", LOG_CRIT, "8554544afe6c4b029ffaf92609c26c7d",
		 "Going back failed as well. Nothing automatic happens to this project any more.",
		 "A person must look: `mdc-agent status` shows what was tried; then `mdc-agent retry` or `mdc-agent rollback`."},
	[EVENT_DRIFT_FOUND] =
		{"drift.found", LOG_WARNING, "ed75f2ebd70c438fb096e6e0a69198e4",
		 "What runs differs from what was deployed, and somebody else changed it.",
		 "Undo the change, put it into the repository, or set `drift: repair`."},
	[EVENT_DRIFT_REPAIRED] =
		{"drift.repaired", LOG_NOTICE, "f28a3db301704229b4c028e14922b859",
		 "What ran differed from what was deployed and was put right.",
		 "Nothing, unless it happens again and again: then find out who changes it."},
	[EVENT_HOLD_SET] = {"hold.set", LOG_NOTICE, "7c01d5721afd47a6a90ae1c7ac4dfed2",
			    "Nothing is applied until further notice.",
			    "Run `mdc-agent resume` when changes shall be applied again."},
	[EVENT_HOLD_LIFTED] = {"hold.lifted", LOG_NOTICE, "61a84c17b37f4788ac2ea4de1bf6fdce",
			       "Changes are applied again.", "Nothing."},
};

const struct event_kind *event_kind(enum event e)
{
	return &kinds[(unsigned)e < COUNT_OF(kinds) ? e : EVENT_AGENT_STARTED];
}
