/*
 * proc_start - from an argument array to a running child. Between fork and exec only
 * async-signal-safe calls are made; a failure there comes back through a close-on-exec pipe.
 * Depends on: err, mem, child, path.
 */
#include "common/proc_start.h"

#include "common/auto.h"
#include "common/child.h"
#include "common/mem.h"
#include "common/path.h"
#include "common/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FREE_FD = 3, REAP_MS = 10000 };

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
				   "/run/current-system/sw/bin";

/* All a child needs to know, made before the fork: afterwards nothing may allocate. */
struct plan {
	const struct proc *p;
	char *program; /* absolute */
	char *const *env;
	int in, out, err; /* its ends */
	int report;       /* where it says why exec failed */
	pid_t parent;
};

enum stage { STAGE_CWD, STAGE_FDS, STAGE_EXEC };

/* What the child writes into the report pipe. */
struct report {
	enum stage stage;
	int errnum;
};

static const char *search_path(const struct proc *p)
{
	for (const char *const *v = p->env; v && *v; v++) {
		if (str_starts(*v, "PATH="))
			return *v + strlen("PATH=");
	}
	const char *ours = getenv("PATH");
	return ours && ours[0] != '\0' ? ours : default_path;
}

/* The program's file, or NULL. */
static char *find_program(const struct proc *p)
{
	const char *name = p->argv[0];

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? xstrdup(name) : NULL;
	for (const char *dir = search_path(p); *dir != '\0';) {
		size_t n = strcspn(dir, ":");
		auto_free char *copy = xstrndup(dir, n);
		auto_free char *file = path_join(copy, name);

		/* A relative entry would depend on the child's directory. */
		if (dir[0] == '/' && access(file, X_OK) == 0)
			return TAKE(file);
		dir += n + (dir[n] == ':');
	}
	return NULL;
}

/* Descriptors 0 to 2 are for the child: if ours are closed, a pipe may have got one of them. */
static int lift(int fd)
{
	if (fd < 0 || fd >= FIRST_FREE_FD)
		return fd;
	int up = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	(void)close(fd);
	return up;
}

static int make_pipe(int *ours, int *theirs, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot make a pipe");
	*ours = lift(ends[0]);
	*theirs = lift(ends[1]);
	if (*ours < 0 || *theirs < 0)
		return err_set(e, ERR_RETRY, errno, "cannot make a pipe");
	return 0;
}

/* stdin as a file in memory: it has no limit, needs no loop, and cannot raise SIGPIPE. */
static int open_input(const char *text, int *in, struct err *e)
{
	auto_close int fd = lift(text ? memfd_create("input", MFD_CLOEXEC)
				      : open("/dev/null", O_RDONLY | O_CLOEXEC));
	size_t len = text ? strlen(text) : 0;

	if (fd < 0)
		return err_set(e, ERR_RETRY, errno, "cannot make the input of a program");
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_RETRY, errno, "cannot write the input of a program");
		at += (size_t)n;
	}
	if (len > 0 && lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, ERR_RETRY, errno, "cannot rewind the input of a program");
	*in = TAKE_FD(fd);
	return 0;
}

static void __attribute__((noreturn)) give_up(const struct plan *plan, enum stage stage)
{
	const struct report report = {.stage = stage, .errnum = errno};
	ssize_t n = write(plan->report, &report, sizeof(report));

	(void)n;
	_exit(127);
}

/* In the child. */
static void __attribute__((noreturn)) become(const struct plan *plan)
{
	const struct proc *p = plan->p;

	child_begin(plan->parent, false);
	if (dup2(plan->in, 0) < 0 || dup2(plan->out, 1) < 0 || dup2(plan->err, 2) < 0)
		give_up(plan, STAGE_FDS);
	/* Ours are all close-on-exec; this is for what a library may have opened otherwise. */
	(void)close_range(FIRST_FREE_FD, ~0U, CLOSE_RANGE_CLOEXEC);
	if (p->keep_fd > 0 && fcntl(p->keep_fd, F_SETFD, 0) < 0)
		give_up(plan, STAGE_FDS);
	if (chdir(p->cwd ? p->cwd : "/") < 0)
		give_up(plan, STAGE_CWD);
	child_limit(RLIMIT_FSIZE, p->max_file);
	child_limit(RLIMIT_CPU, (size_t)p->max_cpu_s);
	child_limit(RLIMIT_DATA, p->max_memory);
	(void)execve(plan->program, (char *const *)p->argv, plan->env);
	give_up(plan, STAGE_EXEC);
}

static int explain(const struct plan *plan, const struct report *report, struct err *e)
{
	const char *name = plan->p->argv[0];

	if (report->stage == STAGE_CWD)
		return err_set(e, ERR_RETRY, report->errnum, "cannot start %s in %s", name,
			       plan->p->cwd ? plan->p->cwd : "/");
	if (report->stage == STAGE_FDS)
		return err_set(e, ERR_RETRY, report->errnum, "cannot start %s", name);
	if (report->errnum == ENOMEM || report->errnum == EAGAIN || report->errnum == ETXTBSY)
		return err_set(e, ERR_RETRY, report->errnum, "cannot start %s", name);
	return err_set(e, ERR_BROKEN, report->errnum, "cannot run %s", plan->program);
}

/* The report pipe closes with a successful exec; anything that comes through it is a failure. */
static int wait_for_exec(const struct plan *plan, int fd, pid_t pid, struct err *e)
{
	struct report report;
	ssize_t n;

	do
		n = read(fd, &report, sizeof(report));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(report))
		return 0; /* it runs, or it was killed on the way: then its status says so */
	(void)child_finish(pid, REAP_MS);
	return explain(plan, &report, e);
}

static int launch(struct plan *plan, struct proc_child *c, struct err *e)
{
	auto_close int report = -1;
	auto_close int their_report = -1;

	if (make_pipe(&report, &their_report, e) < 0)
		return -1;
	plan->report = their_report;
	plan->parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, ERR_RETRY, errno, "cannot start %s", plan->p->argv[0]);
	if (pid == 0)
		become(plan);
	/* Both sides do it, so that neither can be too early for a signal to the group. */
	(void)setpgid(pid, pid);
	(void)close(TAKE_FD(their_report));
	if (wait_for_exec(plan, report, pid, e) < 0)
		return -1;
	c->pid = pid;
	c->pidfd = child_pidfd(pid);
	return 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(TAKE_FD(*fd));
}

void proc_child_close(struct proc_child *c)
{
	close_one(&c->pidfd);
	close_one(&c->out);
	close_one(&c->err);
}

static void plan_done(struct plan *plan)
{
	close_one(&plan->in);
	close_one(&plan->out);
	close_one(&plan->err);
	free(plan->program);
}

int proc_start(const struct proc *p, struct proc_child *c, struct err *e)
{
	AUTO(plan_done) struct plan plan = {.p = p, .in = -1, .out = -1, .err = -1};
	struct proc_child child = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};
	const char *home = getenv("HOME");
	auto_free char *set_path = xasprintf("PATH=%s", search_path(p));
	auto_free char *set_home = xasprintf("HOME=%s", home && home[0] == '/' ? home : "/");
	char *const minimal[] = {set_path, set_home, NULL};

	plan.env = p->env ? (char *const *)p->env : minimal;
	plan.program = find_program(p);
	if (!plan.program)
		return err_set(e, ERR_BROKEN, 0, "program %s is not installed", p->argv[0]);
	if (make_pipe(&child.out, &plan.out, e) < 0 || make_pipe(&child.err, &plan.err, e) < 0 ||
	    open_input(p->input, &plan.in, e) < 0 || launch(&plan, &child, e) < 0) {
		proc_child_close(&child);
		return -1;
	}
	(void)fcntl(child.out, F_SETFL, O_NONBLOCK);
	(void)fcntl(child.err, F_SETFL, O_NONBLOCK);
	*c = child;
	return 0;
}
