/*
 * confine - Landlock, a seccomp filter of our own, no capabilities, no new privileges, no core
 * file. Landlock is called by number: the C library of Debian 12 has no wrappers for it. The filter
 * is a list of calls that are refused, not of those that are allowed: libraries may come to need
 * others. Depends on: log.
 *
 * In a build with sanitizers Landlock and the ban on debuggers are left out: reports of the
 * sanitizers are files beside those that may be written.
 */
#include "common/confine.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { FIRST_FD = 3, MOST_FDS = 1024 };

/* Whatever changes a file or a name; what the kernel knows less of is taken off by its version. */
static const __u64 writing =
	LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
	LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
static const __u64 referring = 1ULL << 13;  /* version 2: links and renames between directories */
static const __u64 truncating = 1ULL << 14; /* version 3 */

static void allow_below(int ruleset, const char *dir, __u64 access)
{
	struct landlock_path_beneath_attr below = {.allowed_access = access};
	int fd = open(dir, O_PATH | O_CLOEXEC);

	below.parent_fd = fd;
	if (fd < 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
		log_debug("landlock: %s: %s", dir, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

static void write_only_below(const char *const *dirs)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {.handled_access_fs = writing};

	if (version < 1 || SANITIZED) {
		log_debug("no landlock here");
		return;
	}
	if (version >= 2)
		attr.handled_access_fs |= referring;
	if (version >= 3)
		attr.handled_access_fs |= truncating;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return;
	for (const char *const *d = dirs; d && *d; d++)
		allow_below(ruleset, *d,
			    attr.handled_access_fs & ~(__u64)LANDLOCK_ACCESS_FS_EXECUTE);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		log_debug("landlock: %s", strerror(errno));
	(void)close(ruleset);
}

/* Of what is there, only the right to read is kept, and only if asked for. */
static void drop_capabilities(bool read_all)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct have[2] = {{.effective = 0}};
	struct __user_cap_data_struct keep[2] = {{.effective = 0}};

	if (syscall(SYS_capget, &header, have) < 0)
		return;
	if (read_all) {
		__u32 search = have[0].permitted & (1U << CAP_DAC_READ_SEARCH);
		__u32 any = have[0].permitted & (1U << CAP_DAC_OVERRIDE);

		keep[0].permitted = keep[0].effective = search ? search : any;
	}
	if (syscall(SYS_capset, &header, keep) < 0)
		log_debug("capabilities: %s", strerror(errno));
}

#ifdef ARCH
#define DATA(member)  ((__u32)offsetof(struct seccomp_data, member))
#define LOAD(member)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA(member))
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
/* Is what was loaded this value? Else the next statement is skipped. */
#define IF(value)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)(value), 0, 1)
#define NEVER(call)   IF(SYS_##call), REFUSE(EPERM)

enum { X32_BIT = 0x40000000 };

static void filter_calls(bool network)
{
	const __u32 inet = network ? AF_INET : AF_UNSPEC, inet6 = network ? AF_INET6 : AF_UNSPEC;
	const __u32 netlink =
		network ? AF_NETLINK : AF_UNSPEC; /* looking a name up asks for addresses */
	struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		REFUSE(EPERM),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
		REFUSE(EPERM),
		NEVER(execve),
		NEVER(execveat),
		NEVER(kill),
		NEVER(tkill),
		NEVER(pidfd_send_signal),
		NEVER(pidfd_getfd),
		NEVER(ptrace),
		NEVER(process_vm_readv),
		NEVER(process_vm_writev),
		NEVER(mount),
		NEVER(umount2),
		NEVER(move_mount),
		NEVER(open_tree),
		NEVER(fsopen),
		NEVER(pivot_root),
		NEVER(chroot),
		NEVER(unshare),
		NEVER(setns),
		NEVER(bpf),
		NEVER(perf_event_open),
		NEVER(userfaultfd),
		NEVER(io_uring_setup),
		NEVER(keyctl),
		NEVER(add_key),
		NEVER(request_key),
		NEVER(bind),
		NEVER(listen),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4),
		LOAD(args[0]), /* abort() signals its own process */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (__u32)getpid(), 1, 0),
		REFUSE(EPERM),
		ALLOW,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0),
		ALLOW,
		LOAD(args[0]),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, inet, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, inet6, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, netlink, 1, 0),
		REFUSE(EACCES),
		ALLOW,
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		log_debug("seccomp: %s", strerror(errno));
}
#else
static void filter_calls(bool network)
{
	(void)network; /* the numbers of system calls are not known here */
}
#endif

/* A connection to the engine that the parent keeps is inherited by a fork. */
static void close_connections(void)
{
	for (int fd = FIRST_FD; fd < MOST_FDS; fd++) {
		struct sockaddr_un peer = {.sun_family = AF_UNSPEC};
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
		    peer.sun_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path))
			(void)close(fd);
	}
}

void confine_self(const struct confine *c)
{
	close_connections();
	if (!SANITIZED)
		(void)prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return; /* a kernel that has not even this has none of the others */
	write_only_below(c->write);
	drop_capabilities(c->read_all);
	filter_calls(c->network);
}
