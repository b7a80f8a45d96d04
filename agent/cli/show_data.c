/*
 * show_data - snapshots and what a restore discards, in words and as JSON.
 * Depends on: data, show, table.
 */
#include "agent/cli/data.h"
#include "agent/cli/show.h"
#include "agent/cli/table.h"
#include "common/clock.h"
#include "common/duration.h"

#include <string.h>

static const char *const kept_words[] = {
	[KEEP_OPEN] = "open",     [KEEP_NEEDED] = "needed", [KEEP_NEWEST] = "newest",
	[KEEP_FAILED] = "failed", [DROP_EMPTY] = "empty",   [DROP_COUNT] = "limit",
	[DROP_AGE] = "age",       [DROP_SHARE] = "share",
};

const char *kept_word(enum retention_why why)
{
	return (size_t)why < COUNT_OF(kept_words) ? kept_words[why] : "unknown";
}

void show_kept(struct str *out, const struct retention_verdict *v)
{
	static const char *const words[] = {
		[KEEP_OPEN] = "a deployment under way needs it",
		[KEEP_NEWEST] = "among the newest",
		[DROP_EMPTY] = "goes: its data was put back",
		[DROP_COUNT] = "goes: more than retention.snapshots",
		[DROP_AGE] = "goes: older than retention.failed_data",
		[DROP_SHARE] = "goes: more than retention.snapshot_share of the disk",
	};
	char when[CLOCK_ISO_SIZE];

	if (v->why == KEEP_NEEDED)
		str_addf(out, "generation %lld goes back to it", (long long)v->generation);
	else if (v->why == KEEP_FAILED)
		str_addf(out, "until %s", clock_local(v->until, when));
	else if ((size_t)v->why < COUNT_OF(words) && words[v->why])
		str_add(out, words[v->why]);
}

int64_t snapshot_bytes(const struct snapshot *x)
{
	int64_t sum = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].moved || x->v[i].absent)
			continue;
		if (x->v[i].bytes < 0)
			return -1;
		sum += x->v[i].bytes;
	}
	return sum;
}

static const char *size_of(const struct snapshot *x, char *buf, size_t size)
{
	int64_t bytes = snapshot_bytes(x);

	return bytes < 0 ? "-" : size_text((uint64_t)bytes, buf, size);
}

/* "btrfs", "btrfs copy" when volumes differ. The caller frees. */
static char *drivers_of(const struct snapshot *x)
{
	auto_strv struct strv names = STRV_INIT;

	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].driver)
			(void)strv_add_once(&names, x->v[i].driver);
	return strv_join(&names, " ");
}

static void add_row(struct table *t, const struct snapshot *x, const struct retention_verdict *v)
{
	char when[CLOCK_ISO_SIZE], id[SHORT_ID_SIZE], size[32];
	auto_free char *drivers = drivers_of(x);
	auto_str struct str kept = STR_INIT;

	table_add(t, TONE_PLAIN, x->id);
	table_add(t, TONE_PLAIN, x->project);
	table_add(t, TONE_PLAIN, clock_local(x->made, when));
	table_addf(t, TONE_PLAIN, "%lld (%s)", (long long)x->generation,
		   show_short_id(x->commit.id, id));
	table_add(t, x->kind == SNAPSHOT_FAILED ? TONE_WARN : TONE_PLAIN,
		  snapshot_kind_name(x->kind));
	table_add(t, TONE_PLAIN, drivers);
	table_add(t, TONE_PLAIN, size_of(x, size, sizeof(size)));
	show_kept(&kept, v);
	table_add(t, retention_drops(v) ? TONE_DIM : TONE_PLAIN, str_text(&kept));
}

void show_snapshots(struct str *out, const struct snapshots_view *l, const char *project,
		    const struct look *k)
{
	static const char *const heads[] = {"ID",   "PROJECT", "MADE", "GENERATION",
					    "KIND", "DRIVER",  "SIZE", "KEPT"};
	auto_table struct table t = {.heads = heads, .columns = COUNT_OF(heads)};

	for (size_t i = 0; i < l->n; i++)
		if (!project || str_eq(project, l->v[i].project))
			add_row(&t, &l->v[i], &l->verdicts[i]);
	if (t.n > 0)
		table_show(out, &t, k);
	else
		str_add(out, "no snapshots: a deployment that changes a project with volumes makes "
			     "one, and `mdc-agent snapshot PROJECT`\n");
}

static void one_volume(struct str *out, const struct snapshot_volume *v, const struct look *k)
{
	auto_free char *name = str_printable(v->mount ? v->mount : v->name, 128);
	char size[32];

	look_addf(out, k, TONE_BOLD, "  %s", name);
	if (v->absent) {
		str_add(out, ": there was no such volume\n");
		return;
	}
	str_addf(out, ": %s", v->driver ? v->driver : "-");
	if (v->bytes >= 0)
		str_addf(out, ", %s", size_text((uint64_t)v->bytes, size, sizeof(size)));
	str_addf(out, "%s\n", v->moved ? ", put back: not here any more" : "");
	if (v->path) {
		str_add(out, "    of ");
		text_lines(out, "", v->path);
	}
	if (v->place && !v->moved) {
		str_add(out, "    in ");
		text_lines(out, "", v->place);
	}
}

void show_snapshot(struct str *out, const struct snapshot *x, const struct retention_verdict *v,
		   const struct look *k)
{
	char when[CLOCK_ISO_SIZE], ago[64], span[64];

	look_addf(out, k, TONE_BOLD, "%s", x->id);
	str_addf(out, "\nproject:    %s\nmade:       %s, %s\n", x->project,
		 clock_local(x->made, when), look_ago(x->made, k->now, ago, sizeof(ago)));
	str_addf(out, "data of:    generation %lld, ", (long long)x->generation);
	show_commit(out, &x->commit);
	str_addf(out, "\nkind:       %s", snapshot_kind_name(x->kind));
	if (x->before > 0)
		str_addf(out, ", %s generation %lld",
			 x->kind == SNAPSHOT_FAILED ? "written by" : "before",
			 (long long)x->before);
	str_add(out, "\nkept:       ");
	show_kept(out, v);
	if (x->took_ms > 0)
		str_addf(out, "\nheld up:    %s (%s)",
			 duration_text(x->took_ms, span, sizeof(span)), quiesce_name(x->quiesce));
	str_addc(out, '\n');
	if (x->why) {
		str_add(out, "because:\n");
		text_lines(out, "  ", x->why);
	}
	str_add(out, "volumes:\n");
	for (size_t i = 0; i < x->n; i++)
		one_volume(out, &x->v[i], k);
}

cJSON *snapshot_view_json(const struct snapshot *x, const struct retention_verdict *v)
{
	cJSON *o = snapshot_to_json(x);
	int64_t bytes = snapshot_bytes(x);

	if (bytes >= 0)
		json_set_int(o, "bytes", bytes);
	json_set_bool(o, "kept", !retention_drops(v));
	json_set_str(o, "kept_why", kept_word(v->why));
	if (v->why == KEEP_NEEDED)
		json_set_int(o, "needed_by", v->generation);
	if (v->why == KEEP_FAILED)
		json_set_int(o, "kept_until", v->until);
	return o;
}

/* ---- what is lost ---- */
bool losses_any(const struct losses *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].snapshot)
			return true;
	return false;
}

void losses_names(const struct losses *l, struct strv *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].snapshot)
			(void)strv_add_once(out, l->v[i].name);
}

void show_losses(struct str *out, const struct losses *l, const struct look *k)
{
	char when[CLOCK_ISO_SIZE], span[64];

	for (size_t i = 0; i < l->n; i++) {
		const struct loss *x = &l->v[i];
		auto_free char *project = str_printable(x->project, 64);
		auto_free char *volume = str_printable(x->volume, 128);

		look_addf(out, k, x->snapshot ? TONE_BAD : TONE_DIM, "  %s %s/%s",
			  x->snapshot ? "<" : "=", project, volume);
		if (!x->snapshot) {
			auto_free char *why = text_first(x->why_not);

			str_addf(out, " stays as it is: %s\n", why);
			continue;
		}
		str_addf(out, ": discards writes since %s, %s\n", clock_local(x->made, when),
			 duration_text((k->now > x->made ? k->now - x->made : 0) * 1000, span,
				       sizeof(span)));
	}
}

cJSON *losses_json(const struct losses *l)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < l->n; i++) {
		const struct loss *x = &l->v[i];
		cJSON *o = cJSON_CreateObject();

		json_set_str(o, "project", x->project);
		json_set_str(o, "volume", x->volume);
		json_set_str(o, "snapshot", x->snapshot);
		if (x->snapshot)
			json_set_int(o, "discards_since", x->made);
		json_set_str(o, "stays", x->why_not);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}
