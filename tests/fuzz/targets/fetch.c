/*
 * fetch - a server of packs: the input is all that it says, over what stands in the place of ssh.
 * The last 20 bytes of a pack are made to fit, so that its insides are read too.
 * Depends on: fuzz, git, gitssh (wrapped).
 */
#include "tests/fuzz/fuzz.h"

#include "agent/git/repo.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/gitssh.h"
#include "common/mem.h"

#include <openssl/evp.h>
#include <string.h>

enum { TRAILER = 20, REPO_RUNS = 100 };

static char *stream;
static size_t stream_len, stream_at;

int __wrap_gitssh_open(const struct gitssh_options *o, struct gitssh **out, struct err *e);
int __wrap_gitssh_read(struct gitssh *s, char *buf, size_t n, size_t *got, struct err *e);
int __wrap_gitssh_write(struct gitssh *s, const char *buf, size_t n, struct err *e);
int __wrap_gitssh_ended(struct gitssh *s, struct err *e);
void __wrap_gitssh_close(struct gitssh *s);

int __wrap_gitssh_open(const struct gitssh_options *o, struct gitssh **out, struct err *e)
{
	(void)o;
	(void)e;
	stream_at = 0;
	*out = xmalloc(1);
	return 0;
}

int __wrap_gitssh_read(struct gitssh *s, char *buf, size_t n, size_t *got, struct err *e)
{
	(void)s;
	(void)e;
	*got = stream_len - stream_at < n ? stream_len - stream_at : n;
	memcpy(buf, stream + stream_at, *got);
	stream_at += *got;
	return 0;
}

int __wrap_gitssh_write(struct gitssh *s, const char *buf, size_t n, struct err *e)
{
	(void)s;
	(void)buf;
	(void)n;
	(void)e;
	return 0;
}

int __wrap_gitssh_ended(struct gitssh *s, struct err *e)
{
	(void)s;
	return err_set(e, ERR_RETRY, 0, "the server ended the session");
}

void __wrap_gitssh_close(struct gitssh *s)
{
	free(s);
}

static void set_stream(const char *text, size_t len)
{
	free(stream);
	stream = xmalloc(len + 1);
	memcpy(stream, text, len);
	stream_len = len;
	stream_at = 0;
	char *pack = memmem(stream, len, "PACK", 4);
	unsigned int n = 0;

	if (pack && stream + len - pack > TRAILER) {
		size_t body = (size_t)(stream + len - pack) - TRAILER;
		(void)EVP_Digest(pack, body, (unsigned char *)pack + body, &n, EVP_sha1(), NULL);
	}
}

/* What a sync does next with what came. */
static void use(struct repo *r, const char *id)
{
	struct commit_info c = {.id = ""};
	struct live_file *files = NULL;
	struct err e = ERR_INIT;
	size_t n = 0;

	if (repo_commit(r, id, &c, &e) == 0)
		(void)repo_files(r, c.tree, NULL, &files, &n, &e);
	for (size_t i = 0; i < n; i++)
		free(files[i].path);
	free(files);
	commit_info_done(&c);
}

void fuzz_one(const char *text, size_t len)
{
	static unsigned int runs;
	const struct source_config src = {.kind = SOURCE_SSH,
					  .url = (char *)(uintptr_t) "ssh://git@example.org/x.git",
					  .branch = (char *)(uintptr_t) "main",
					  .timeout_ms = 5000};
	char id[OBJECT_ID_SIZE] = "1111111111111111111111111111111111111111";
	auto_repo struct repo *r = NULL;
	struct err e = ERR_INIT;

	if (runs == 0)
		FUZZ_CHECK(repo_library_init(&e) == 0);
	if (runs++ % REPO_RUNS == 0)
		FUZZ_CHECK(tree_remove(fuzz_path("repo.git"), &e) == 0);
	set_stream(text, len);
	FUZZ_CHECK(repo_open(fuzz_path("repo.git"), &src, &r, &e) == 0);
	if (repo_fetch(r, id, &e) == 0) {
		use(r, id);
		runs = REPO_RUNS; /* a fresh one next time */
	} else {
		FUZZ_CHECK(e.cause[0] != '\0');
	}
}
