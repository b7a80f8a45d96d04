/*
 * copy_tree - the tree copier of the drivers `reflink` and `copy`. Works by directory descriptors,
 * follows no link, stays on one file system. A directory is complete, times included, when its own
 * entries are made: two threads therefore take directories (long ones in slices) from one list,
 * latest first, so that few are open at a time.
 * Depends on: copy_parts, err, mem.
 */
#include "agent/snapshot/copy_parts.h"

#include "common/auto.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum {
	WAIT_MS = 100,
	OPEN_MAX_FILES = 65536,
	NS_PER_MS = 1000 * 1000,
	NS_PER_S = 1000 * NS_PER_MS
};

void part_push(struct copy *c, struct part *p)
{
	pthread_mutex_lock(&c->lock);
	p->next = c->todo;
	c->todo = p;
	c->open_parts++;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
}

/* Reports, and ends all if it is asked to. Called with the lock. */
static void look_up(struct hand *h)
{
	pthread_mutex_unlock(&h->c->lock);
	bool on = copy_goes_on(h);
	pthread_mutex_lock(&h->c->lock);
	if (!on)
		atomic_store(&h->c->over, true);
}

/* Wait for more to do; the caller's thread looks up now and then. Called with the lock. */
static void wait_for_more(struct hand *h)
{
	struct copy *c = h->c;
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WAIT_MS * NS_PER_MS;
	if (until.tv_nsec >= NS_PER_S) {
		until.tv_sec++;
		until.tv_nsec -= NS_PER_S;
	}
	c->idle++;
	(void)pthread_cond_timedwait(&c->more, &c->lock, &until);
	c->idle--;
	if (h->first)
		look_up(h);
}

/* The next part, or NULL when all is done or over. Called with the lock. */
static struct part *next_part(struct hand *h)
{
	struct copy *c = h->c;

	while (!atomic_load(&c->over) && c->open_parts > 0) {
		struct part *p = c->todo;

		if (p) {
			c->todo = p->next;
			return p;
		}
		if (!flush_some(c))
			wait_for_more(h);
		else if (h->first)
			look_up(h);
	}
	return NULL;
}

static void *work(void *arg)
{
	struct hand *h = arg;
	struct copy *c = h->c;
	struct part *p;
	bool failed = false;

	h->buffer = xmalloc(COPY_BUFFER);
	pthread_mutex_lock(&c->lock);
	while (!failed && (p = next_part(h))) {
		pthread_mutex_unlock(&c->lock);
		failed = part_run(h, p) < 0;
		part_free(p);
		pthread_mutex_lock(&c->lock);
		c->open_parts--;
		if (failed)
			atomic_store(&c->over, true);
		if (failed || c->open_parts == 0)
			pthread_cond_broadcast(&c->more);
	}
	/* The first error is the cause; the other thread's is "ended early". */
	if (h->e.kind != ERR_NONE && c->e->kind == ERR_NONE)
		*c->e = h->e;
	pthread_mutex_unlock(&c->lock);
	free(h->buffer);
	return NULL;
}

static bool has_two_processors(void)
{
	cpu_set_t ours;

	return sched_getaffinity(0, sizeof(ours), &ours) < 0 || CPU_COUNT(&ours) > 1;
}

/* Both threads until nothing is left. Without a second one it only takes longer. */
static int work_all(struct copy *c)
{
	struct hand first = {.c = c, .first = true, .e = ERR_INIT};
	struct hand second = {.c = c, .e = ERR_INIT};
	pthread_t thread;
	bool two = false;

	/* Asked before anything is done: the other thread may finish a small tree by itself. */
	if (copy_goes_on(&first)) {
		two = has_two_processors() && pthread_create(&thread, NULL, work, &second) == 0;
		(void)work(&first);
	} else {
		*c->e = first.e;
	}
	if (two)
		(void)pthread_join(thread, NULL);
	while (c->todo) {
		struct part *p = c->todo;

		c->todo = p->next;
		part_free(p);
	}
	return c->e->kind == ERR_NONE ? 0 : -1;
}

/* What is made must not inherit anything from the directory it is made in. */
static int make_root(struct copy *c, int *fd)
{
	const struct copy_job *j = c->job;

	if (!j->into && mkdir(j->to, 0700) < 0)
		return err_set(c->e, ERR_RETRY, errno, "cannot make %s", j->to);
	*fd = open(j->to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return err_set(c->e, ERR_RETRY, errno, "cannot open %s", j->to);
	(void)fremovexattr(*fd, "system.posix_acl_default");
	(void)fremovexattr(*fd, "system.posix_acl_access");
	if (fchown(*fd, c->uid, c->gid) < 0 || fchmod(*fd, 0700) < 0)
		return err_set(c->e, ERR_RETRY, errno, "cannot make %s", j->to);
	return 0;
}

/* The node of the root, both sides open. */
static int open_root(struct copy *c, struct node **out)
{
	struct node *n = node_new(NULL, ".");
	struct statfs fs;

	n->from = open(c->job->from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (n->from < 0 || fstat(n->from, &n->st) < 0 || fstatfs(n->from, &fs) < 0) {
		(void)err_set(c->e, ERR_RETRY, errno, "cannot open %s", c->job->from);
		node_drop(n);
		return -1;
	}
	c->dev = n->st.st_dev;
	c->btrfs = fs.f_type == BTRFS_SUPER_MAGIC;
	/* Elsewhere it may share, which `copy` was asked not to do. */
	c->in_kernel = fs.f_type == EXT4_SUPER_MAGIC;
	if (make_root(c, &n->to) < 0) {
		node_drop(n);
		return -1;
	}
	if (c->btrfs)
		(void)copy_flags(n->from, n->to);
	*out = n;
	return 0;
}

/* Many directories may be open at once in a tree that is deep and wide. */
static void raise_files(struct rlimit *before)
{
	if (getrlimit(RLIMIT_NOFILE, before) < 0)
		return;
	struct rlimit more = *before;

	if (more.rlim_cur < OPEN_MAX_FILES)
		more.rlim_cur = more.rlim_max < OPEN_MAX_FILES ? more.rlim_max : OPEN_MAX_FILES;
	(void)setrlimit(RLIMIT_NOFILE, &more);
}

/*
 * syncfs() of ext4 says nothing of a journal that was given up meanwhile, and with it extents that
 * were to be marked as written: measured on a disk whose journal could not be written, the end of
 * the copy was zeros. Only who changes something is told: with a file that has no name. errno is
 * set.
 */
static bool takes_no_change(int top)
{
	auto_close int fd = openat(top, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 && (errno == EROFS || errno == EIO || errno == EUCLEAN || errno == ESHUTDOWN);
}

static int run(struct copy *c)
{
	struct node *root = NULL;

	if (open_root(c, &root) < 0)
		return -1;
	auto_close int top = fcntl(root->to, F_DUPFD_CLOEXEC, 0);

	if (top < 0) {
		node_drop(root);
		return err_set(c->e, ERR_RETRY, errno, "cannot open %s", c->job->to);
	}
	c->root = top;
	part_push(c, part_new(root));
	int result = work_all(c);

	links_done(&c->links);
	if (result == 0 && (syncfs(top) < 0 || takes_no_change(top)))
		return err_set(c->e, ERR_RETRY, errno, "cannot write %s to the disk", c->job->to);
	return result;
}

/* By the clock that nobody sets: one that jumps back would make a wait of years. */
static void init_more(pthread_cond_t *more)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(more, &attr);
	pthread_condattr_destroy(&attr);
}

int copy_tree(const struct copy_job *j, int64_t *bytes, struct err *e)
{
	struct rlimit files = {0, 0};
	struct copy c = {.job = j, .uid = geteuid(), .gid = getegid(), .e = e};

	err_clear(e);
	atomic_init(&c.reflink, j->reflink);
	pthread_mutex_init(&c.lock, NULL);
	pthread_mutex_init(&c.links.lock, NULL);
	init_more(&c.more);
	mode_t mask = umask(0); /* files are made with the mode they are to have */

	raise_files(&files);
	int result = run(&c);

	if (files.rlim_max != 0)
		(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)umask(mask);
	pthread_cond_destroy(&c.more);
	pthread_mutex_destroy(&c.links.lock);
	pthread_mutex_destroy(&c.lock);
	if (result == 0 && bytes)
		*bytes = atomic_load(&c.bytes);
	return result;
}
