/*
 * snapshot - the record of a copy of a project's volumes: what was copied, how, and where it lies.
 * Without this record on disk a snapshot does not exist. Depends on: common, settings.
 */
#pragma once

#include "agent/model/generation.h"
#include "agent/model/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum snapshot_kind {
	SNAPSHOT_TRIAL,  /* taken inside a trial, before the first change */
	SNAPSHOT_MANUAL, /* `mdc-agent snapshot`, or before a restore by hand */
	SNAPSHOT_FAILED, /* set aside: what a version wrote that was left behind */
};
const char *snapshot_kind_name(enum snapshot_kind k); /* "trial", "manual", "failed" */
enum snapshot_kind snapshot_kind_parse(const char *name);

struct snapshot_volume {
	char *name;     /* the engine's name of the volume, or the path of a bind */
	char *mount;    /* as Compose knows it ("data"), or NULL; for messages and restore lists */
	bool bind;      /* a host path instead of a volume */
	char *path;     /* where the data lives on this host */
	bool absent;    /* there was no such volume then: restoring makes it empty */
	char *driver;   /* "btrfs", "reflink", "copy", "zfs", "command"; NULL when absent */
	char *place;    /* absolute: where the copy lies (zfs, command: its name there) */
	char *identity; /* of the copy, by which a restart tells copy and original apart */
	int64_t bytes;  /* that the copy took when it was made; -1: unknown */
	bool moved;     /* the copy was exchanged into place by a restore: it is no longer here */
};

struct snapshot {
	char *id; /* "<project>-<generation or 0>-<UTC time>": sorts by time within a project */
	char *project;
	enum snapshot_kind kind;
	int64_t made;       /* wall clock */
	int64_t generation; /* whose data this is: the one that held when it was taken; 0: none */
	int64_t before;     /* the generation of the trial it was taken for; 0: by hand */
	char digest[DIGEST_HEX_SIZE]; /* of the project's content that wrote the data */
	struct commit_info commit;    /* of that content */
	enum quiesce quiesce;
	int64_t took_ms; /* writers were held up for so long */
	char *why;       /* failed: the reason; else NULL */
	struct snapshot_volume *v;
	size_t n;
};

/* Is it of the form of snapshot.id? By it copies are told from what somebody else put there. */
bool snapshot_is_id(const char *name);

void snapshot_done(struct snapshot *s);
#define auto_snapshot AUTO(snapshot_done)
void snapshot_copy(struct snapshot *to, const struct snapshot *from); /* overwritten, not freed */
cJSON *snapshot_to_json(const struct snapshot *s);
void snapshot_from_json(const cJSON *j, struct snapshot *s); /* overwritten, not freed */
