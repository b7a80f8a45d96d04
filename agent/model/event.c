/*
 * event - the table of events. docs/events.md, the journal's catalog and the JSON schema are
 * printed from it. Depends on: common. To add one: a name in enum event and a row here with a fresh
 * id of 32 random hex digits
 * (`systemd-id128 new`), the fields it carries, and whether it may reach the disk later.
 */
#include "agent/model/event.h"

#include "common/auto.h"

#include <syslog.h>

#define HAS(what) EVENT_HAS_##what

enum {
	TRIAL = HAS(PROJECT) | HAS(COMMIT) | HAS(PREVIOUS) | HAS(GENERATION) | HAS(REASON) |
		HAS(DURATION) | HAS(DETAILS),
};

static const struct event_kind kinds[EVENT_COUNT] = {
	[EVENT_AGENT_STARTED] = {"agent.started", LOG_INFO, "62bcdad4880545e09c62d4d76cc00edf",
				 "The agent started and watches its source.", "Nothing.", 0, true},
	[EVENT_AGENT_STOPPED] =
		{"agent.stopped", LOG_INFO, "ef0d147a45964bf8a569202eb851db2b",
		 "The agent stopped because it was asked to; what runs goes on running.",
		 "Nothing. Work that was under way goes on at the next start.", 0, true},
	[EVENT_RECOVERED] =
		{"agent.recovered", LOG_WARNING, "7f549eca54744dc0945309120e90aa3c",
		 "A run was cut off by a crash or power loss, and its work was finished or undone.",
		 "Look at the reason and at what the agent did; if it names a crash of the agent itself, report it.",
		 HAS(COMMIT) | HAS(GENERATION) | HAS(REASON), false},
	[EVENT_SAFE_MODE] =
		{"agent.safe-mode", LOG_CRIT, "53a038fd627943c0a1d82098de71ecf3",
		 "The agent died again and again while it finished what a crash had left, and touches nothing any more.",
		 "A person must look: `mdc-agent status`, the journal; then `mdc-agent retry`, `rollback` or `resume`. Report the crash.",
		 HAS(REASON), false},
	[EVENT_SOURCE_UNREACHABLE] =
		{"source.unreachable", LOG_WARNING, "f009426822e943c5bf7ec71638d2b133",
		 "The config repository cannot be reached. What runs is left alone.",
		 "Check the network, the URL and the credentials in agent.yaml; the agent tries again by itself.",
		 HAS(REASON), false},
	[EVENT_SOURCE_REACHABLE] = {"source.reachable", LOG_NOTICE,
				    "392e7b5906b649caa96eae67c353fdf1",
				    "The config repository can be reached again.", "Nothing.",
				    HAS(COMMIT) | HAS(REASON) | HAS(DURATION), false},
	[EVENT_SOURCE_REJECTED] =
		{"source.rejected", LOG_ERR, "df0302c3e65145279bed8d722ed34fdb",
		 "A commit was refused: its signature, its history or its content is not acceptable. What runs is left alone.",
		 "Read the reason. Content: correct it and push again. Signature or history: find out who pushed it; `mdc-agent accept` takes it as it is.",
		 HAS(COMMIT) | HAS(REASON), false},
	[EVENT_SOURCE_FORCED] =
		{"source.forced", LOG_WARNING, "b3954368d2564a9b80551b3dedb37737",
		 "The branch was rewritten: the new head does not descend from the last one.",
		 "If nobody meant to force-push, find out who did.",
		 HAS(COMMIT) | HAS(PREVIOUS) | HAS(REASON), false},
	[EVENT_SOURCE_ACCEPTED] =
		{"source.accepted", LOG_NOTICE, "e6016513fd7b4b9fa10c65574eb52094",
		 "A commit is accepted after others were refused, or because somebody said `mdc-agent accept`.",
		 "Nothing, if you know who accepted it.",
		 HAS(COMMIT) | HAS(PREVIOUS) | HAS(REASON) | HAS(DURATION), false},
	[EVENT_SOURCE_STALE] =
		{"source.stale", LOG_WARNING, "65297d8766684355a5506fcf24608c86",
		 "There was no new commit for longer than `source.max_age`, although the config repository answers.",
		 "If something was pushed meanwhile, the server keeps it back: look at it from elsewhere.",
		 HAS(COMMIT) | HAS(REASON), false},
	[EVENT_SOURCE_MOVES] = {"source.moves", LOG_NOTICE, "d327d1c086be4bb096b9a1107f0ac8b4",
				"A new commit came again, or `source.max_age` was raised.",
				"Nothing.", HAS(COMMIT) | HAS(REASON) | HAS(DURATION), false},
	[EVENT_SYNC_STARTED] = {"sync.started", LOG_INFO, "c2942b1877594927995d3689760c9581",
				"A sync found something to do and begins to deploy it.", "Nothing.",
				HAS(COMMIT) | HAS(PREVIOUS) | HAS(GENERATION) | HAS(REASON), true},
	[EVENT_SYNC_FINISHED] =
		{"sync.finished", LOG_INFO, "baa94ba34475498d861455a76e1fae0b",
		 "A sync came to its end.",
		 "Nothing, unless its reason names projects that failed or are held.",
		 HAS(COMMIT) | HAS(PREVIOUS) | HAS(GENERATION) | HAS(REASON) | HAS(DURATION) |
			 HAS(DETAILS),
		 false},
	[EVENT_PROJECT_DEPLOYED] = {"project.deployed", LOG_NOTICE,
				    "581373cb83314a178d79cd9fe0a11002",
				    "A project was deployed, became healthy and was committed.",
				    "Nothing.", TRIAL, false},
	[EVENT_PROJECT_UNCHANGED] =
		{"project.unchanged", LOG_DEBUG, "32c228a3ab2942da86fd5a6c121d30ea",
		 "A project was looked at and needs no work. Told only by `mdc-agent sync --verbose`.",
		 "Nothing.", HAS(PROJECT) | HAS(COMMIT) | HAS(GENERATION) | HAS(REASON), true},
	[EVENT_PROJECT_FAILED] =
		{"project.failed", LOG_ERR, "8cc0bee27d0a40d081c6721c1710274e",
		 "A project could not be deployed. This content is not tried again by itself.",
		 "Read the reason. Push a correction, or run `mdc-agent retry` when the cause was outside of the repository.",
		 TRIAL, false},
	[EVENT_PROJECT_ROLLED_BACK] =
		{"project.rolled-back", LOG_ERR, "a637386b4c1b4655a98010a534c08744",
		 "A project did not become healthy and went back to what held before.",
		 "Read the reason and push a correction. Volumes were put back only where `snapshot.restored` says so.",
		 TRIAL, false},
	[EVENT_PROJECT_HELD] =
		{"project.held", LOG_WARNING, "99b50171077a46e78c156165d7167b8f",
		 "A project stays at its last good content although the repository wants something else.",
		 "Read the reason: a failed trial, a project it depends on, a suspension or a mistake in its files.",
		 TRIAL, false},
	[EVENT_PROJECT_REMOVED] =
		{"project.removed", LOG_NOTICE, "bc6d1ec18f304b468b61ee26c925ad06",
		 "A project is no longer wanted on this host and was taken down. Its volumes were kept.",
		 "Remove its volumes by hand if nobody needs the data.", TRIAL, false},
	[EVENT_PROJECT_DEGRADED] =
		{"project.degraded", LOG_CRIT, "8554544afe6c4b029ffaf92609c26c7d",
		 "Going back failed as well. Nothing automatic happens to this project any more.",
		 "A person must look: `mdc-agent status` shows what was tried; then `mdc-agent retry` or `mdc-agent rollback`.",
		 TRIAL, false},
	[EVENT_DRIFT_FOUND] =
		{"drift.found", LOG_WARNING, "ed75f2ebd70c438fb096e6e0a69198e4",
		 "What runs differs from what was deployed, and somebody else changed it.",
		 "Undo the change, put it into the repository, or set `drift: repair`.",
		 HAS(PROJECT) | HAS(REASON), false},
	[EVENT_DRIFT_REPAIRED] =
		{"drift.repaired", LOG_NOTICE, "f28a3db301704229b4c028e14922b859",
		 "What ran differed from what was deployed and was put right.",
		 "Nothing, unless it happens again and again: then find out who changes it.", TRIAL,
		 false},
	[EVENT_SNAPSHOT_MADE] = {"snapshot.made", LOG_INFO, "438d6284475d48f59c052a4b0464a4d6",
				 "The volumes of a project were copied before it is changed.",
				 "Nothing.",
				 HAS(PROJECT) | HAS(GENERATION) | HAS(VOLUME) | HAS(SNAPSHOT) |
					 HAS(BYTES) | HAS(REASON) | HAS(DURATION),
				 true},
	[EVENT_SNAPSHOT_FAILED] =
		{"snapshot.failed", LOG_ERR, "2cb26492a01f4e2b98293a792ac5acbd",
		 "The volumes of a project could not be copied, so it was not changed.",
		 "Read the reason: a full disk, or a volume that cannot be copied. Then `mdc-agent retry`.",
		 HAS(PROJECT) | HAS(GENERATION) | HAS(VOLUME) | HAS(SNAPSHOT) | HAS(BYTES) |
			 HAS(REASON) | HAS(DURATION),
		 false},
	[EVENT_SNAPSHOT_RESTORED] =
		{"snapshot.restored", LOG_WARNING, "b73bc7c657344f3880041cdfd9247b91",
		 "The volumes of a project were put back as they were when the snapshot was taken; what was written since is set aside.",
		 "Look at the reason. `mdc-agent snapshots` shows where the data that was set aside lies and how long it is kept.",
		 HAS(PROJECT) | HAS(GENERATION) | HAS(VOLUME) | HAS(SNAPSHOT) | HAS(BYTES) |
			 HAS(REASON) | HAS(DURATION),
		 false},
	[EVENT_SNAPSHOT_PRUNED] = {"snapshot.pruned", LOG_INFO, "473c8f7c9832438e940c22ed5d5f2c6b",
				   "Snapshots that retention does not keep were removed.",
				   "Nothing.",
				   HAS(PROJECT) | HAS(VOLUME) | HAS(SNAPSHOT) | HAS(BYTES) |
					   HAS(REASON),
				   true},
	[EVENT_HOLD_SET] = {"hold.set", LOG_NOTICE, "7c01d5721afd47a6a90ae1c7ac4dfed2",
			    "Nothing is applied until further notice.",
			    "Run `mdc-agent resume` when changes shall be applied again.",
			    HAS(PROJECT) | HAS(COMMIT) | HAS(GENERATION) | HAS(REASON), false},
	[EVENT_HOLD_LIFTED] = {"hold.lifted", LOG_NOTICE, "61a84c17b37f4788ac2ea4de1bf6fdce",
			       "Changes are applied again.", "Nothing.",
			       HAS(PROJECT) | HAS(COMMIT) | HAS(REASON) | HAS(DURATION), false},
	[EVENT_DISK_SHORT] =
		{"disk.short", LOG_WARNING, "54cdec01f10d44adbe22bf32cce9e31e",
		 "A file system that the agent needs is nearly full. Nothing that runs was touched.",
		 "Make room: `mdc-agent gc`, `mdc-agent snapshots prune`, unused images. Waiting changes go on by themselves.",
		 HAS(PROJECT) | HAS(PATH) | HAS(REASON) | HAS(BYTES), false},
	[EVENT_DISK_ENOUGH] = {"disk.enough", LOG_NOTICE, "9ccf41a82c6340ae8da33ca2b47aa94e",
			       "There is room again on the file system that was nearly full.",
			       "Nothing.",
			       HAS(PROJECT) | HAS(PATH) | HAS(REASON) | HAS(BYTES) | HAS(DURATION),
			       false},
	[EVENT_WEBHOOK_UNDELIVERABLE] =
		{"webhook.undeliverable", LOG_WARNING, "28d24dcae69440178f4e3cc75c1d5f27",
		 "A receiver of reports does not take them. They wait and are sent again; deployments go on.",
		 "Check the URL, the certificate and the secret of the receiver that is named.",
		 HAS(RECEIVER) | HAS(REASON), false},
	[EVENT_WEBHOOK_DELIVERABLE] =
		{"webhook.deliverable", LOG_NOTICE, "3871981d70c048c48e4ec2c433502d29",
		 "A receiver takes reports again, and what waited for it was sent.", "Nothing.",
		 HAS(RECEIVER) | HAS(REASON) | HAS(DURATION), false},
	[EVENT_WEBHOOK_DROPPED] =
		{"webhook.dropped", LOG_WARNING, "22cfaff579d14d1782915fc006cf3c72",
		 "So many reports waited for a receiver that the oldest were given up for it, informational ones first.",
		 "Repair the receiver. `mdc-agent events` has every report.",
		 HAS(RECEIVER) | HAS(REASON), false},
};

const struct event_kind *event_kind(enum event e)
{
	return &kinds[(unsigned)e < COUNT_OF(kinds) ? e : EVENT_AGENT_STARTED];
}
