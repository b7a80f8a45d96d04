/*
 * load - images from files of the host, such as derivations of Nix: an archive, or a program that
 * writes one. Known by the path, not by the name: two archives may carry one name, and loading the
 * second takes it from the first. Depends on: common, api.
 */
#include "agent/engine/api.h"

#include "common/digest.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/proc_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOAD_REPO "mdc-load"

enum { LOAD_MS = 30 * 60 * 1000, TAG_DIGITS = 32, ANSWER_MAX = 4 * 1024 * 1024 };

static void load_tag(const char *path, char tag[TAG_DIGITS + 1])
{
	char digest[DIGEST_HEX_SIZE];

	digest_text(path, digest);
	memcpy(tag, digest, TAG_DIGITS);
	tag[TAG_DIGITS] = '\0';
}

int engine_image_loaded(struct engine *g, const char *path, char **id, struct err *e)
{
	auto_image_info struct image_info info = {.id = NULL};
	char tag[TAG_DIGITS + 1];
	bool found = false;

	load_tag(path, tag);
	auto_free char *ref = xasprintf(LOAD_REPO ":%s", tag);

	if (engine_image(g, ref, &info, &found, e) < 0)
		return -1;
	*id = found ? xstrdup(info.id) : NULL;
	return 0;
}

/* What is sent: a file, or a program's output. */
struct upload {
	int fd;
	struct proc_pipe *pipe;
	struct err e;
};

static ssize_t give(char *to, size_t size, void *arg)
{
	struct upload *u = arg;

	if (u->pipe)
		return proc_pipe_read(u->pipe, to, size, &u->e);
	ssize_t n = read(u->fd, to, size);

	/* send() puts the path in front. */
	return n < 0 ? err_set(&u->e, ERR_RETRY, errno,
			       "cannot read the archive to its end: look at the disk it lies on, "
			       "or write it anew")
		     : n;
}

/* Names as people write them: Docker and Podman put different things in front. */
static const char *short_name(const char *ref)
{
	static const char *const front[] = {"localhost/", "docker.io/library/", "docker.io/"};

	for (size_t i = 0; i < COUNT_OF(front); i++)
		if (str_starts(ref, front[i]))
			return ref + strlen(front[i]);
	return ref;
}

/* "Loaded image: web:1" or "Loaded image(s): localhost/web:1": is it the one that was meant? */
static void note_name(const char *said, const struct image_file *f, struct strv *others, bool *ours)
{
	const char *name = said && str_starts(said, "Loaded image") ? strstr(said, ": ") : NULL;

	if (!name || str_starts(said, "Loaded image ID"))
		return;
	auto_free char *one = xstrndup(name + 2, strcspn(name + 2, "\n, "));
	const char *is = short_name(one), *want = short_name(f->ref);
	size_t n = strlen(want);

	if (strncmp(is, want, n) == 0 && (is[n] == '\0' || strcmp(is + n, ":latest") == 0))
		*ours = true;
	else
		strv_push(others, one);
}

static int wrong_name(const struct image_file *f, const struct strv *others, struct err *e)
{
	auto_free char *list = strv_join(others, ", ");
	auto_free char *shown = str_printable(list, 240);

	return err_set(e, ERR_REJECTED, 0, "the image in %s is not called %s%s%s: correct `ref`",
		       f->path, f->ref, shown[0] ? " but " : "", shown);
}

/* The engine answers 200 and says later, line by line, whether it could. */
static int judge(const char *body, const struct image_file *f, struct err *e)
{
	auto_strv struct strv others = STRV_INIT;
	bool ours = false;

	while (*body != '\0') {
		size_t n = strcspn(body, "\n");
		auto_json cJSON *line = cJSON_ParseWithLength(body, n);
		const char *wrong = json_str(line, "error", NULL);

		note_name(json_str(line, "stream", NULL), f, &others, &ours);

		if (wrong) {
			auto_free char *shown = str_printable(wrong, 240);

			return err_set(e, ERR_REJECTED, 0, "the engine cannot load %s: %s", f->path,
				       shown);
		}
		body += n + (body[n] == '\n');
	}
	return !ours && others.n > 0 ? wrong_name(f, &others, e) : 0;
}

static int send(struct engine *g, const struct image_file *f, struct upload *u, struct err *e)
{
	static const char *const headers[] = {"Content-Type: application/x-tar", NULL};
	const struct http_options o = {.unix_socket = g->socket};
	/* A connection of its own: one that was given up half way cannot be used again. */
	auto_http struct http *h = http_open(&o);
	auto_http_answer struct http_answer a = {.status = 0};
	const struct http_request r = {.method = "POST",
				       .url = "http://engine/images/load?quiet=1",
				       .source = give,
				       .arg = u,
				       .headers = headers,
				       .timeout_ms = LOAD_MS,
				       .max_body = ANSWER_MAX};

	if (http_send(h, &r, &a, e) < 0) {
		if (u->e.kind == ERR_NONE)
			return -1;
		*e = u->e; /* the producer's fault, not the engine's */
		return err_wrap(e, "image %s", f->path);
	}
	if (a.status != 200) {
		auto_free char *shown = str_printable(str_text(&a.body), 240);

		return err_set(e, a.status < 500 ? ERR_REJECTED : ERR_RETRY, 0,
			       "the engine cannot load %s: it answered %ld: %s", f->path, a.status,
			       shown);
	}
	return judge(str_text(&a.body), f, e);
}

static int send_file(struct engine *g, const struct image_file *f, struct err *e)
{
	auto_close int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct upload u = {.fd = fd};

	if (fd < 0)
		return err_set(e, ERR_REJECTED, errno, "cannot read image %s", f->path);
	return send(g, f, &u, e);
}

static int send_stream(struct engine *g, const struct image_file *f, struct err *e)
{
	const char *const argv[] = {f->path, NULL};
	const struct proc p = {.argv = argv, .timeout_ms = LOAD_MS};
	auto_proc_pipe struct proc_pipe *c = NULL;
	struct upload u = {.fd = -1};

	if (proc_pipe_open(&p, &c, e) < 0) {
		e->kind = ERR_REJECTED;
		return err_wrap(e, "image %s", f->path);
	}
	u.pipe = c;
	return send(g, f, &u, e);
}

int engine_image_load(struct engine *g, const struct image_file *f, char **id, struct err *e)
{
	auto_image_info struct image_info info = {.id = NULL};
	char tag[TAG_DIGITS + 1];
	bool found = false;

	if ((f->stream ? send_stream(g, f, e) : send_file(g, f, e)) < 0 ||
	    engine_image(g, f->ref, &info, &found, e) < 0)
		return -1;
	if (!found)
		return wrong_name(f, &(struct strv)STRV_INIT, e);
	load_tag(f->path, tag);
	if (engine_image_tag(g, info.id, LOAD_REPO, tag, e) < 0)
		return -1;
	*id = xstrdup(info.id);
	return 0;
}

/* ---- what no kept generation needs ---- */
static int forget(struct engine *g, const char *tag, struct err *e)
{
	auto_free char *path = xasprintf("/images/%s", tag);
	auto_api_answer struct api_answer a;

	if (api_call(g, "DELETE", path, API_TIMEOUT_MS, &a, e) < 0)
		return -1;
	if (a.status >= 300 && a.status != 404 && a.status != 409)
		return api_unexpected(&a, "remove the tag of a loaded image", e);
	return 0;
}

int engine_images_forget(struct engine *g, const struct strv *paths, size_t *dropped, struct err *e)
{
	auto_json cJSON *list = NULL;
	auto_strv struct strv needed = STRV_INIT;
	const cJSON *image = NULL, *item = NULL;

	for (size_t i = 0; i < paths->n; i++) {
		char tag[TAG_DIGITS + 1];

		load_tag(paths->v[i], tag);
		strv_pushf(&needed, LOAD_REPO ":%s", tag);
	}
	if (api_get(g, "/images/json", "list images", &list, e) < 0)
		return -1;
	cJSON_ArrayForEach (image, list) {
		cJSON_ArrayForEach (item, json_arr(image, "RepoTags")) {
			const char *tag = cJSON_GetStringValue(item);
			const char *own = tag ? strstr(tag, LOAD_REPO ":") : NULL;

			/* Podman puts "localhost/" in front. */
			if (!own ||
			    (own != tag && strncmp(tag, "localhost/", (size_t)(own - tag)) != 0) ||
			    strv_has(&needed, own))
				continue;
			if (forget(g, tag, e) < 0)
				return -1;
			(*dropped)++;
		}
	}
	return 0;
}
