/*
 * nth_call - runs a program and counts the system calls by which it and its descendants change
 * something that stays: files, directories, and what they ask of an engine (POST and DELETE on a
 * socket). At the n-th of them all, in the order in which they happen, it acts before the call is
 * done: kill -9 of everything, or the call fails with an error. nth_call [-n N] [-f kill|ERRNO] [-s
 * SECONDS] [-o LOG] -- PROGRAM [ARGUMENT]... LOG gets a line a call: number, process, name, path.
 * Pauses of the programs are cut to a millisecond: nothing here is waited for that takes time. Exit
 * status: the program's, 137 where all were killed, 124 after SECONDS. ptrace with a seccomp
 * filter, so that other calls cost nothing; x86-64 only. Depends on: nothing.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum what {
	ALWAYS, /* it changes something whenever it is called */
	OPEN,   /* if its flags (argument `arg + 1`) say so */
	OPEN2,
	WRITE, /* to a regular file, or a request to an engine */
	SEND_MSG,
	CONTROL, /* ioctl: clones and flags */
	SIGNAL,  /* any but 0, to what lives */
	MAKE,    /* a directory that is not there yet */
	PAUSE,   /* no change: cut short */
};

/* `path`: which argument is one, for the log; -1: argument 0 is a descriptor. */
static const struct call {
	const char *name;
	int nr;
	enum what what;
	int path;
} calls[] = {
#define CALL(name, what, path)                                                                     \
	{                                                                                          \
#name, SYS_##name, what, path                                                      \
	}
	CALL(open, OPEN, 0),
	CALL(openat, OPEN, 1),
	CALL(creat, ALWAYS, 0),
	CALL(openat2, OPEN2, 1),
	CALL(write, WRITE, -1),
	CALL(pwrite64, WRITE, -1),
	CALL(writev, SEND_MSG, -1),
	CALL(pwritev, SEND_MSG, -1),
	CALL(sendto, WRITE, -1),
	CALL(sendmsg, SEND_MSG, -1),
	CALL(rename, ALWAYS, 0),
	CALL(renameat, ALWAYS, 1),
	CALL(renameat2, ALWAYS, 1),
	CALL(unlink, ALWAYS, 0),
	CALL(unlinkat, ALWAYS, 1),
	CALL(mkdir, MAKE, 0),
	CALL(mkdirat, ALWAYS, 1),
	CALL(rmdir, ALWAYS, 0),
	CALL(link, ALWAYS, 1),
	CALL(linkat, ALWAYS, 3),
	CALL(symlink, ALWAYS, 1),
	CALL(symlinkat, ALWAYS, 2),
	CALL(mknod, ALWAYS, 0),
	CALL(mknodat, ALWAYS, 1),
	CALL(fsync, ALWAYS, -1),
	CALL(fdatasync, ALWAYS, -1),
	CALL(syncfs, ALWAYS, -1),
	CALL(ftruncate, ALWAYS, -1),
	CALL(truncate, ALWAYS, 0),
	CALL(fallocate, ALWAYS, -1),
	CALL(chmod, ALWAYS, 0),
	CALL(fchmod, ALWAYS, -1),
	CALL(fchmodat, ALWAYS, 1),
	CALL(chown, ALWAYS, 0),
	CALL(lchown, ALWAYS, 0),
	CALL(fchown, ALWAYS, -1),
	CALL(fchownat, ALWAYS, 1),
	CALL(utimensat, ALWAYS, 1),
	CALL(setxattr, ALWAYS, 0),
	CALL(lsetxattr, ALWAYS, 0),
	CALL(fsetxattr, ALWAYS, -1),
	CALL(removexattr, ALWAYS, 0),
	CALL(fremovexattr, ALWAYS, -1),
	CALL(ioctl, CONTROL, -1),
	CALL(copy_file_range, ALWAYS, -1),
	CALL(sendfile, ALWAYS, -1),
	CALL(kill, SIGNAL, -2),
	CALL(clock_nanosleep, PAUSE, -2),
#undef CALL
};
enum { N_CALLS = sizeof(calls) / sizeof(calls[0]), TREE_MAX = 4096 };

static struct {
	long at, count;
	int error; /* 0: kill */
	FILE *log;
	pid_t tree[TREE_MAX];
	size_t n;
	volatile sig_atomic_t late;
} run = {.at = -1};

static void die(const char *what)
{
	perror(what);
	exit(125);
}

/* ---- the child's filter: only the calls above stop ---- */
/* Without a point and a log nothing is counted: then only pauses are of interest. */
static bool is_wanted(int i)
{
	return run.at > 0 || run.log || calls[i].what == PAUSE;
}

static void install_filter(void)
{
	struct sock_filter f[N_CALLS + 3];
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (int i = 0; i < N_CALLS; i++)
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						      (unsigned)(is_wanted(i) ? calls[i].nr : -1),
						      (unsigned char)(N_CALLS - i), 0);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	const struct sock_fprog p = {.len = n, .filter = f};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) < 0)
		die("seccomp");
}

/* ---- what a call is about ---- */
static size_t peek(pid_t pid, unsigned long long at, void *to, size_t len)
{
	struct iovec l = {to, len}, r = {(void *)at, len};
	ssize_t n = process_vm_readv(pid, &l, 1, &r, 1, 0);

	return n < 0 ? 0 : (size_t)n;
}

static void peek_text(pid_t pid, unsigned long long at, char *to, size_t size)
{
	enum { PAGE = 4096 };
	size_t have = 0;

	to[0] = '\0';
	while (have + 1 < size) { /* the page behind it may not be there */
		size_t n = PAGE - (at + have) % PAGE;

		if (n > size - 1 - have)
			n = size - 1 - have;
		n = peek(pid, at + have, to + have, n);
		to[have + n] = '\0';
		if (n == 0 || memchr(to + have, '\0', n))
			return;
		have += n;
	}
}

static void descriptor(pid_t pid, unsigned long long fd, char *to, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, (int)fd);
	ssize_t n = readlink(path, to, size - 1);

	to[n < 0 ? 0 : n] = '\0';
}

static bool is_device(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

/* A process that waits for its parent only, or that is gone, cannot be hit any more. */
static bool is_alive(pid_t pid)
{
	char path[64], text[256] = "";

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)(pid < 0 ? -pid : pid));
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	(void)!fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	const char *end = strrchr(text, ')');

	return end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

static bool changes_open(unsigned long long flags)
{
	return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_ACCMODE) != O_RDONLY;
}

/* Files, and requests that change something; not what workers tell each other, nor output. */
static bool changes_write(pid_t pid, unsigned long long fd, unsigned long long data, char *label,
			  size_t size)
{
	char head[96] = "";

	descriptor(pid, fd, label, size);
	if (label[0] == '/')
		return !is_device(label);
	if (strncmp(label, "socket:", 7) != 0)
		return false;
	head[peek(pid, data, head, sizeof(head) - 1)] = '\0';
	head[strcspn(head, "\r\n")] = '\0';
	(void)snprintf(label, size, "%s", head);
	return strncmp(head, "POST ", 5) == 0 || strncmp(head, "DELETE ", 7) == 0;
}

/* `a`: arguments. Does it change something? `label` gets what. */
static bool changes(const struct call *c, pid_t pid, const unsigned long long a[6], char *label,
		    size_t size)
{
	unsigned long long flags = 0;
	struct msghdr {
		void *name;
		unsigned len;
		struct iovec *v;
		size_t n;
	} m = {0};
	struct iovec v = {0};

	if (c->path >= 0)
		peek_text(pid, a[c->path], label, size);
	else if (c->path == -1)
		descriptor(pid, a[0], label, size);
	switch (c->what) {
	case OPEN:
		return changes_open(a[c->path + 1]) && !is_device(label);
	case OPEN2:
		return peek(pid, a[2], &flags, sizeof(flags)) == sizeof(flags) &&
		       changes_open(flags);
	case WRITE:
		return changes_write(pid, a[0], a[1], label, size);
	case SEND_MSG:
		if (c->nr != SYS_sendmsg)
			m.v = (struct iovec *)a[1];
		else
			(void)peek(pid, a[1], &m, sizeof(m));
		(void)peek(pid, (unsigned long long)m.v, &v, sizeof(v));
		return changes_write(pid, a[0], (unsigned long long)v.iov_base, label, size);
	case CONTROL:
		return a[1] == FICLONE || a[1] == FICLONERANGE || a[1] == FS_IOC_SETFLAGS;
	case SIGNAL:
		(void)snprintf(label, size, "%d with %d", (int)a[0], (int)a[1]);
		return a[1] != 0 && is_alive((pid_t)a[0]);
	case MAKE:
		return label[0] != '/' || access(label, F_OK) < 0;
	case PAUSE:
		return false;
	default:
		return true;
	}
}

/* ---- the tree ---- */
static void add(pid_t pid)
{
	for (size_t i = 0; i < run.n; i++)
		if (run.tree[i] == pid)
			return;
	if (run.n < TREE_MAX)
		run.tree[run.n++] = pid;
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < run.n; i++)
		if (run.tree[i] == pid)
			run.tree[i] = run.tree[--run.n];
}

/* All at once, and those that were born meanwhile. */
static void kill_all(void)
{
	int status;
	pid_t pid;

	for (size_t i = 0; i < run.n; i++)
		(void)kill(run.tree[i], SIGKILL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || (pid < 0 && errno == EINTR))
		if (pid > 0 && WIFSTOPPED(status))
			(void)kill(pid, SIGKILL);
	if (run.log)
		(void)fclose(run.log);
}

static void skip(pid_t pid, struct user_regs_struct *r, int error)
{
	r->orig_rax = (unsigned long long)-1;
	r->rax = (unsigned long long)-(long long)error;
	(void)ptrace(PTRACE_SETREGS, pid, NULL, r);
}

static void stopped_at_call(pid_t pid)
{
	struct user_regs_struct r;
	const struct call *c = NULL;
	char label[512] = "";

	if (ptrace(PTRACE_GETREGS, pid, NULL, &r) < 0)
		return; /* it has died */
	for (int i = 0; i < N_CALLS && !c; i++)
		if ((unsigned long long)calls[i].nr == r.orig_rax)
			c = &calls[i];
	const unsigned long long a[6] = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};

	if (c && c->what == PAUSE) {
		const struct timespec ms = {.tv_nsec = 1000000};

		(void)nanosleep(&ms, NULL);
		skip(pid, &r, 0);
		return;
	}
	if (!c || !changes(c, pid, a, label, sizeof(label)))
		return;
	run.count++;
	if (run.log)
		(void)fprintf(run.log, "%ld %d %s %s\n", run.count, (int)pid, c->name, label);
	if (run.count != run.at)
		return;
	if (run.error == 0) {
		kill_all();
		exit(137);
	}
	skip(pid, &r, run.error);
}

static void stopped(pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	unsigned long child = 0;

	add(pid);
	switch (event) {
	case 0:
		(void)ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig);
		return;
	case PTRACE_EVENT_SECCOMP:
		stopped_at_call(pid);
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child) == 0)
			add((pid_t)child);
		break;
	case PTRACE_EVENT_STOP:
		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
			(void)ptrace(PTRACE_LISTEN, pid, NULL, NULL);
			return;
		}
		break;
	default:
		break;
	}
	(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
}

static void on_alarm(int sig)
{
	(void)sig;
	run.late = 1;
}

static pid_t start(char **argv)
{
	int ends[2];
	char c;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe2");
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		(void)close(ends[1]);
		(void)setsid();
		if (read(ends[0], &c, 1) != 1)
			_exit(125);
		install_filter();
		execv(argv[0], argv);
		die(argv[0]);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL,
		   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		die("ptrace");
	if (write(ends[1], "x", 1) != 1)
		die("write");
	(void)close(ends[0]);
	(void)close(ends[1]);
	return pid;
}

static int follow(pid_t first)
{
	int status, code = 125;
	pid_t pid;

	for (;;) {
		pid = run.late ? 0 : waitpid(-1, &status, __WALL);
		if (run.late) {
			kill_all();
			return 124;
		}
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return code;
		if (WIFSTOPPED(status)) {
			stopped(pid, status);
			continue;
		}
		forget(pid);
		if (pid == first)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
}

int main(int argc, char **argv)
{
	const struct sigaction on = {.sa_handler = on_alarm};
	unsigned seconds = 60;
	int o;

	while ((o = getopt(argc, argv, "+n:f:s:o:")) != -1) {
		if (o == 'n')
			run.at = strtol(optarg, NULL, 10);
		else if (o == 'f')
			run.error = strcmp(optarg, "kill") == 0 ? 0 : (int)strtol(optarg, NULL, 10);
		else if (o == 's')
			seconds = (unsigned)strtoul(optarg, NULL, 10);
		else if (o == 'o')
			run.log = fopen(optarg, "we");
		else
			return 125;
	}
	if (optind >= argc)
		return 125;
	(void)sigaction(SIGALRM, &on, NULL);
	pid_t first = start(argv + optind);

	add(first);
	(void)alarm(seconds);
	int code = follow(first);

	if (run.log && code != 124)
		(void)fclose(run.log);
	return code;
}
