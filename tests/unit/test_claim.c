/* Claims on Unix paths: nothing that is somebody else's is ever touched, what is ours and dead is
   replaced, and of several claims at once exactly one wins. */
#include "../../server/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../server/net.h"
#include "check.h"

enum { NOBODY = 65534, SOMEBODY = 12345, RACES = 200, RACERS = 3 };

static char dir[] = "/tmp/test_claim.XXXXXX";

/* Seams: these stand before libc's, and do what a foreign process would at that moment. */
static void (*before_rename)(void), (*after_rename)(void), (*after_bind)(void);
static bool fail_listen;

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	void (*before)(void) = before_rename, (*after)(void) = after_rename;
	int result;

	before_rename = after_rename = NULL;
	if (before != NULL)
		before();
	result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
	if (after != NULL)
		after();
	return result;
}

int bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	void (*after)(void) = after_bind;
	int result = (int)syscall(SYS_bind, fd, sa, len);

	after_bind = NULL;
	if (after != NULL && result == 0)
		after();
	return result;
}

int listen(int fd, int backlog)
{
	if (fail_listen) {
		errno = ENOBUFS;
		return -1;
	}
	return (int)syscall(SYS_listen, fd, backlog);
}

/* Where the machine is busy, who holds the lock may be slow: here it is waited for longer. */
int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	static long calls;
	struct timespec longer = {.tv_nsec = wanted->tv_nsec * (++calls % 100)};

	(void)left;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &longer, NULL);
}

/* The path of a name in the test's directory; it stays as it is until the end. */
static const char *in_dir(const char *name)
{
	static char known[32][128];
	char path[sizeof known[0]];
	size_t i = 0;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	while (i < 31 && known[i][0] != '\0' && strcmp(known[i], path) != 0)
		i++;
	return strcpy(known[i], path);
}

static struct address address_of(const char *path)
{
	struct address address = {.len = sizeof address.un};

	address.un.sun_family = AF_UNIX;
	snprintf(address.un.sun_path, sizeof address.un.sun_path, "%s", path);
	return address;
}

/* A socket bound there as any program would; listening if it is a stream. */
static int foreign_socket(const char *path, int type)
{
	struct address address = address_of(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, &address.sa, address.len) == -1 ||
	    (type != SOCK_DGRAM && syscall(SYS_listen, fd, 8) == -1)) {
		printf("Bail out! cannot bind %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return fd;
}

static void leave_dead(const char *path)
{
	close(foreign_socket(path, SOCK_STREAM));
}

static bool reaches(const char *path)
{
	struct address address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool reached = connect(fd, &address.sa, address.len) == 0;

	close(fd);
	return reached;
}

struct outcome {
	int fd; /* -1: refused, err says why */
	struct claim claim;
	bool replaced;
	struct err err;
};

static struct outcome take_mode(const char *path, mode_t mode)
{
	struct outcome outcome = {.fd = -1};
	struct address address = address_of(path);
	int fd = net_socket(&address, net_reserve_give);

	if (claim_take(&outcome.claim, fd, &address, mode, NULL, 8, &outcome.replaced,
		       &outcome.err) == 0)
		outcome.fd = fd;
	else
		close(fd);
	return outcome;
}

static struct outcome take(const char *path)
{
	return take_mode(path, 0600);
}

static void give_up(struct outcome *outcome)
{
	claim_drop(&outcome->claim);
	if (outcome->fd != -1)
		close(outcome->fd);
	outcome->fd = -1;
}

/* Entries of the test's directory. */
static unsigned entries(void)
{
	char command[300];
	unsigned count = 0;
	FILE *pipe;

	snprintf(command, sizeof command, "ls -A %s | wc -l", dir);
	pipe = popen(command, "r");
	if (pipe == NULL || fscanf(pipe, "%u", &count) != 1)
		count = 99999;
	if (pipe != NULL)
		pclose(pipe);
	return count;
}

static unsigned descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

static void test_free_path(void)
{
	const char *path = in_dir("free.sock");
	unsigned before = descriptors();
	struct outcome got = take_mode(path, 0666);
	struct stat st;

	CHECK(got.fd != -1 && !got.replaced, "a free path is taken: %s", got.err.detail);
	CHECK(lstat(path, &st) == 0 && (st.st_mode & 07777) == 0666,
	      "the mode is what was asked for, whatever the umask");
	CHECK(got.claim.ino == st.st_ino && got.claim.dev == st.st_dev, "the file is known");
	CHECK(reaches(path), "it listens");
	CHECK_UINT(descriptors(), before + 1, "no descriptor but the caller's is left");
	CHECK(claim_holds(&got.claim), "the claim holds");
	give_up(&got);
	CHECK(!claim_holds(&got.claim) && got.claim.address.len == 0, "dropped, nothing is held");
	CHECK(lstat(path, &st) == -1 && errno == ENOENT, "and the file is gone");
}

/* Refused with this code and these words, and the object at the path is the same as before. */
static void check_refused(const char *path, enum error_code code, const char *words,
			  const char *what)
{
	struct stat before, after;
	bool was = lstat(path, &before) == 0;
	struct outcome got = take(path);

	CHECK(got.fd == -1 && got.err.code == code, "%s: refused (%s)", what,
	      got.fd == -1 ? got.err.detail : "it was taken");
	CHECK(strstr(got.err.detail, words) != NULL, "%s: the words say \"%s\"", what, words);
	CHECK((lstat(path, &after) == 0) == was &&
		  (!was || (before.st_ino == after.st_ino && before.st_mode == after.st_mode &&
			    before.st_size == after.st_size &&
			    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec)),
	      "%s: untouched", what);
	CHECK(!got.replaced && got.claim.address.len == 0, "%s: nothing is claimed", what);
	give_up(&got);
}

static void test_not_a_socket(void)
{
	const char *path = in_dir("thing");

	close(open(path, O_CREAT | O_WRONLY, 0600));
	check_refused(path, ERR_PATH_EXISTS, "a regular file is at", "file");
	unlink(path);
	mkdir(path, 0700);
	check_refused(path, ERR_PATH_EXISTS, "a directory is at", "directory");
	rmdir(path);
	mkfifo(path, 0600);
	check_refused(path, ERR_PATH_EXISTS, "a FIFO is at", "FIFO");
	unlink(path);
	CHECK(symlink("nowhere", path) == 0, "a dangling link is made");
	check_refused(path, ERR_PATH_EXISTS, "a symbolic link is at", "dangling link");
	CHECK(access(in_dir("nowhere"), F_OK) == -1, "nothing is made where the link points");
	leave_dead(in_dir("nowhere"));
	check_refused(path, ERR_PATH_EXISTS, "a symbolic link is at", "link to a dead socket");
	CHECK(access(in_dir("nowhere"), F_OK) == 0, "the dead socket behind the link is left");
	unlink(in_dir("nowhere"));
	unlink(path);
}

static void test_live(void)
{
	static const struct {
		int type;
		const char *name;
	} kinds[] = {
	    {SOCK_STREAM, "live stream"},
	    {SOCK_DGRAM, "live datagram"},
	    {SOCK_SEQPACKET, "live seqpacket"},
	};
	const char *path = in_dir("live.sock");

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		int fd = foreign_socket(path, kinds[i].type);

		check_refused(path, ERR_PATH_EXISTS, "live socket", kinds[i].name);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		CHECK(kinds[i].type == SOCK_DGRAM ||
			  (accept(fd, NULL, NULL) == -1 && errno == EAGAIN),
		      "%s: no client was queued", kinds[i].name);
		close(fd);
		unlink(path);
	}
}

static void test_stale(void)
{
	const char *path = in_dir("stale.sock");
	struct outcome got;

	leave_dead(path);
	CHECK(!reaches(path), "a dead socket is there");
	got = take(path);
	CHECK(got.fd != -1 && got.replaced, "it is replaced: %s", got.err.detail);
	CHECK(reaches(path), "by one that listens");
	CHECK_UINT(entries(), 1, "nothing else is left in the directory");
	give_up(&got);

	leave_dead(path);
	chmod(path, 0);
	got = take(path);
	/* Root may connect whatever the mode is. */
	CHECK(geteuid() == 0 ? got.replaced : got.err.code == ERR_PATH_EXISTS,
	      "a dead socket without permissions: %s", got.err.detail);
	give_up(&got);
	unlink(path);
}

static void put_live_there(void)
{
	unlink(in_dir("x.sock"));
	foreign_socket(in_dir("x.sock"), SOCK_STREAM);
}

static int taken_meanwhile = -1;

static void take_it_too(void)
{
	taken_meanwhile = foreign_socket(in_dir("x.sock"), SOCK_STREAM);
}

/* A foreign program that removes the dead socket itself, between the look and the move. */
static void test_replaced_meanwhile(void)
{
	const char *path = in_dir("x.sock");
	struct outcome got;

	leave_dead(path);
	before_rename = put_live_there;
	got = take(path);
	CHECK(got.fd == -1 && got.err.code == ERR_PATH_EXISTS, "what came meanwhile wins: %s",
	      got.err.detail);
	CHECK(!got.replaced && reaches(path), "it is back at its path");
	CHECK_UINT(entries(), 1, "and at no other");
	give_up(&got);
	unlink(path);

	leave_dead(path);
	before_rename = put_live_there;
	after_rename = take_it_too;
	got = take(path);
	CHECK(got.fd == -1 && got.err.code == ERR_PATH_EXISTS &&
		  strstr(got.err.detail, ".x.sock.noded-0") != NULL,
	      "it cannot go back: the words say where it is: %s", got.err.detail);
	CHECK(reaches(path) && reaches(in_dir(".x.sock.noded-0")), "no live socket is lost");
	close(taken_meanwhile);
	unlink(in_dir(".x.sock.noded-0"));
	unlink(path);
}

static void vanish(void)
{
	unlink(in_dir("x.sock"));
}

static int mover = -1;

static void move_over(void)
{
	mover = foreign_socket(in_dir("other.sock"), SOCK_STREAM);
	rename(in_dir("other.sock"), in_dir("x.sock"));
}

static void move_dead_over(void)
{
	leave_dead(in_dir("other.sock"));
	rename(in_dir("other.sock"), in_dir("x.sock"));
}

static void move_datagram_over(void)
{
	mover = foreign_socket(in_dir("other.sock"), SOCK_DGRAM);
	rename(in_dir("other.sock"), in_dir("x.sock"));
}

/* The moment between bind and the look at what it made: nobody else's file becomes ours. */
static void test_lost_after_bind(void)
{
	static const struct {
		void (*act)(void);
		enum error_code code;
		const char *name;
	} rows[] = {
	    {vanish, ERR_IO_ERROR, "removed after bind"},
	    {move_over, ERR_PATH_EXISTS, "a listener moved over it"},
	    {move_dead_over, ERR_PATH_EXISTS, "a dead socket moved over it"},
	    {move_datagram_over, ERR_PATH_EXISTS, "a datagram socket moved over it"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome got;
		const char *path = in_dir("x.sock");

		after_bind = rows[i].act;
		got = take(path);
		CHECK(got.fd == -1 && got.err.code == rows[i].code, "%s: %s", rows[i].name,
		      got.err.detail);
		CHECK((access(path, F_OK) == 0) == (rows[i].act != vanish),
		      "%s: what is there stays", rows[i].name);
		give_up(&got);
		unlink(path);
		if (mover != -1)
			close(mover);
		mover = -1;
	}
}

static void test_undo(void)
{
	const char *path = in_dir("undo.sock");
	struct outcome got;

	fail_listen = true;
	got = take(path);
	fail_listen = false;
	CHECK(got.fd == -1 && got.err.code == ERR_LIMIT_REACHED, "listen fails: %s",
	      got.err.detail);
	CHECK_UINT(entries(), 0, "and the file is gone again");
	give_up(&got);
}

static void test_drop(void)
{
	const char *path = in_dir("drop.sock");
	struct outcome got = take(path);
	int other;

	CHECK(rename(path, in_dir("moved.sock")) == 0 && !claim_holds(&got.claim),
	      "moved away, the claim does not hold");
	other = foreign_socket(path, SOCK_STREAM);
	CHECK(!claim_holds(&got.claim), "nor does it hold another's socket");
	give_up(&got);
	CHECK(reaches(path), "which dropping leaves alone");
	close(other);
	unlink(path);
	unlink(in_dir("moved.sock"));
}

/* A killed claim leaves what it moved aside. Later ones find it, if it is what they left. */
static void die(void)
{
	_exit(0);
}

static void test_aside(void)
{
	const char *path = in_dir("x.sock");
	struct outcome got;
	int live;
	pid_t pid;

	leave_dead(path);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		after_rename = die;
		take(path);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	CHECK(access(path, F_OK) == -1 && access(in_dir(".x.sock.noded-0"), F_OK) == 0,
	      "killed between moving and removing");
	got = take(path);
	CHECK(got.fd != -1 && entries() == 1, "the next claim removes what was left");
	give_up(&got);

	live = foreign_socket(in_dir(".x.sock.noded-0"), SOCK_STREAM);
	close(open(in_dir(".x.sock.noded-1"), O_CREAT | O_WRONLY, 0600));
	leave_dead(in_dir(".x.sock.noded-3"));
	leave_dead(path);
	got = take(path);
	CHECK(got.fd != -1 && got.replaced, "names that are taken are passed over: %s",
	      got.err.detail);
	CHECK(reaches(in_dir(".x.sock.noded-0")) && access(in_dir(".x.sock.noded-1"), F_OK) == 0,
	      "what is no dead socket under such a name is left");
	CHECK(access(in_dir(".x.sock.noded-3"), F_OK) == -1, "a dead one is removed");
	give_up(&got);
	close(live);
	unlink(in_dir(".x.sock.noded-0"));
	unlink(in_dir(".x.sock.noded-1"));
}

static void test_directories(void)
{
	const char *path = in_dir("d/x.sock");
	struct outcome got;

	check_refused(path, ERR_IO_ERROR, "no such directory", "directory missing");
	close(open(in_dir("d"), O_CREAT | O_WRONLY, 0600));
	check_refused(path, ERR_IO_ERROR, "Not a directory", "parent is a file");
	unlink(in_dir("d"));
	mkdir(in_dir("d"), 0700);
	chmod(in_dir("d"), 0777);
	check_refused(path, ERR_UNSAFE_DIRECTORY, "sticky", "world-writable directory");
	chmod(in_dir("d"), 01777);
	got = take(path);
	CHECK(got.fd != -1, "with the sticky bit it is taken: %s", got.err.detail);
	give_up(&got);
	chmod(in_dir("d"), 0770);
	got = take(path);
	CHECK(got.fd != -1, "a group may write: %s", got.err.detail);
	give_up(&got);
	rmdir(in_dir("d"));
}

static void test_longest_path(void)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct outcome got;

	memset(path, 'n', sizeof path - 1);
	memcpy(path, dir, strlen(dir));
	path[strlen(dir)] = '/';
	path[sizeof path - 1] = '\0';
	leave_dead(path);
	got = take(path);
	CHECK(got.fd != -1 && got.replaced && entries() == 1, "107 bytes of path are replaced: %s",
	      got.err.detail);
	give_up(&got);
}

/* Runs in a child, so that limits, users and mounts are its own; its status is the test's. */
static int in_child(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run());
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int run_without_descriptors(void)
{
	const char *path = in_dir("x.sock");
	struct address address = address_of(path);
	struct claim claim = {0};
	struct rlimit limit;
	struct err err;
	bool replaced;
	int fd = net_socket(&address, net_reserve_give), next = dup(fd);

	close(next);
	net_reserve_fill();
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)next + NET_RESERVE;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (dup(fd) != -1)
		return 10;
	if (claim_take(&claim, fd, &address, 0600, NULL, 8, &replaced, &err) == -1 || !replaced)
		return 11;
	claim_drop(&claim);
	leave_dead(path);
	while (dup(fd) != -1 || net_reserve_give())
		continue;
	if (claim_take(&claim, fd, &address, 0600, NULL, 8, &replaced, &err) == 0)
		return 12;
	return err.code == ERR_LIMIT_REACHED && !replaced ? 0 : 13;
}

static void test_without_descriptors(void)
{
	leave_dead(in_dir("x.sock"));
	CHECK_UINT((unsigned)in_child(run_without_descriptors), 0,
		   "descriptors kept back serve a claim; without them it is refused");
	CHECK_UINT(entries(), 1, "and nothing is changed");
	unlink(in_dir("x.sock"));
}

static int run_as_nobody(void)
{
	const char *path = in_dir("d/x.sock");
	struct outcome got;

	if (setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
		return 9;
	got = take(in_dir("x.sock"));
	if (got.err.code != ERR_BIND_DENIED || strstr(got.err.detail, "Permission denied") == NULL)
		return 1;
	leave_dead(path);
	got = take(path);
	return got.err.code == ERR_UNSAFE_DIRECTORY && access(path, F_OK) == 0 ? 0 : 2;
}

static int run_read_only(void)
{
	struct outcome full, locked;

	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", in_dir("d"), "tmpfs", 0, "nr_inodes=1") == -1)
		return 77;
	full = take(in_dir("d/x.sock"));
	mount("none", in_dir("d"), NULL, MS_REMOUNT | MS_RDONLY, NULL);
	locked = take(in_dir("d/x.sock"));
	return full.err.code == ERR_IO_ERROR && full.err.sys == ENOSPC &&
	       locked.err.code == ERR_IO_ERROR && locked.err.sys == EROFS;
}

static void test_as_root(void)
{
	int result;

	if (geteuid() != 0) {
		printf("# other users and file systems are left out: this is not root\n");
		return;
	}
	mkdir(in_dir("d"), 0700);
	result = in_child(run_read_only);
	if (result == 77)
		printf("# mounts are left out: they are not allowed here\n");
	else
		CHECK(result == 1, "a full and a read-only filesystem are named");
	CHECK(chown(in_dir("d"), SOMEBODY, SOMEBODY) == 0, "a stranger's directory is made");
	chmod(in_dir("d"), 01777);
	chmod(dir, 0755);
	CHECK_UINT((unsigned)in_child(run_as_nobody), 0,
		   "denied where we may not write; nothing replaced in a stranger's directory");
	CHECK(chown(in_dir("d"), 0, 0) == 0, "and made ours");
	check_refused(in_dir("d/x.sock"), ERR_PATH_EXISTS, "another user",
		      "dead socket of another uid");
	unlink(in_dir("d/x.sock"));
	rmdir(in_dir("d"));
}

static void test_claim_directory(void)
{
	struct address address = address_of(in_dir("run/admin.sock"));
	struct err err = {0};
	struct stat st;

	CHECK(claim_directory(&address, NULL, &err) == 0, "the directory is made: %s", err.detail);
	CHECK(stat(in_dir("run"), &st) == 0 && (st.st_mode & 07777) == 0700, "with mode 0700");
	CHECK(claim_directory(&address, NULL, &err) == 0, "and accepted when it is there");
	chmod(in_dir("run"), 0755);
	CHECK(claim_directory(&address, NULL, &err) == 0, "others may look");
	chmod(in_dir("run"), 0720);
	CHECK(claim_directory(&address, NULL, &err) == -1 && err.code == ERR_UNSAFE_DIRECTORY,
	      "but not write: %s", err.detail);
	chmod(in_dir("run"), 01777);
	CHECK(claim_directory(&address, NULL, &err) == -1 && err.code == ERR_UNSAFE_DIRECTORY,
	      "not even with the sticky bit: %s", err.detail);
	chmod(in_dir("run"), 0700);
	if (geteuid() == 0) {
		CHECK(chown(in_dir("run"), NOBODY, NOBODY) == 0 &&
			  claim_directory(&address, NULL, &err) == -1 &&
			  err.code == ERR_UNSAFE_DIRECTORY,
		      "nor belong to another: %s", err.detail);
	}
	rename(in_dir("run"), in_dir("real"));
	CHECK(symlink("real", in_dir("run")) == 0 && claim_directory(&address, NULL, &err) == -1 &&
		  err.code == ERR_UNSAFE_DIRECTORY,
	      "nor be a link: %s", err.detail);
	unlink(in_dir("run"));
	rmdir(in_dir("real"));
	address = address_of(in_dir("no/such/admin.sock"));
	CHECK(claim_directory(&address, NULL, &err) == -1 && err.code == ERR_IO_ERROR,
	      "only the last directory is made: %s", err.detail);
}

/* Lets the others run at the moments that matter. */
static void linger(void)
{
	for (int i = 0; i < 8; i++)
		sched_yield();
}

/* One of several that start at once: waits for the gate, claims, tells, holds until the end. */
static void race_one(int gate, int results, int end)
{
	struct outcome got;
	char byte, verdict = 'l';

	while (read(gate, &byte, 1) > 0)
		continue;
	before_rename = after_rename = after_bind = linger;
	got = take(in_dir("race.sock"));
	if (got.fd != -1)
		verdict = claim_holds(&got.claim) ? 'w' : 'h';
	else if (got.err.code != ERR_PATH_EXISTS)
		verdict = '?';
	if (write(results, &verdict, 1) != 1)
		_exit(1);
	while (read(end, &byte, 1) > 0)
		continue;
	_exit(0);
}

/* Gives 'w' winners and 'l' losers; 0 if anything else happened. */
static bool race(void)
{
	int gate[2], results[2], end[2];
	unsigned won = 0, lost = 0;
	char verdict;
	bool reached;

	if (pipe2(gate, O_CLOEXEC) == -1 || pipe2(results, O_CLOEXEC) == -1 ||
	    pipe2(end, O_CLOEXEC) == -1)
		return false;
	for (int i = 0; i < RACERS; i++)
		if (fork() == 0) {
			close(gate[1]);
			close(end[1]);
			race_one(gate[0], results[1], end[0]);
		}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < RACERS && read(results[0], &verdict, 1) == 1; i++) {
		won += verdict == 'w';
		lost += verdict == 'l';
	}
	reached = reaches(in_dir("race.sock"));
	close(end[0]);
	close(end[1]);
	while (wait(NULL) > 0)
		continue;
	close(results[0]);
	close(results[1]);
	return won == 1 && lost == RACERS - 1 && reached && entries() == 1;
}

static void test_races(void)
{
	unsigned good = 0;

	fflush(stdout);
	/* The first finds a free path, each later one what the last winner left when it died. */
	for (int i = 0; i < RACES; i++)
		good += race();
	CHECK_UINT(good, RACES, "of %d at once exactly one wins, %d times", RACERS, RACES);
	unlink(in_dir("race.sock"));
}

int main(void)
{
	alarm(120);
	umask(022);
	if (mkdtemp(dir) == NULL)
		return 1;
	test_free_path();
	test_not_a_socket();
	test_live();
	test_stale();
	test_replaced_meanwhile();
	test_lost_after_bind();
	test_undo();
	test_drop();
	test_aside();
	test_directories();
	test_longest_path();
	test_without_descriptors();
	test_as_root();
	test_claim_directory();
	test_races();
	CHECK_UINT(entries(), 0, "nothing is left");
	rmdir(dir);
	return check_done();
}
