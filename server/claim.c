/* A Unix socket path that is ours. The rules are those of noded(8); the reasons are here.

   A dead socket stays dead: no call binds to an inode that exists. So what one O_PATH descriptor
   shows to be a dead socket of ours may go, provided that what is removed is that very inode, and
   the descriptor keeps its number from being used again meanwhile.

   Two noded that find the same dead socket must not take each other's new, live one for it: while
   one looks, moves and removes, it holds a lock (flock(2)) on the directory, which needs no file
   and dies with its holder. A lock that cannot be had is gone without: the comparison after the
   move still guards what is somebody else's. */
#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "net.h"

enum {
	ATTEMPTS = 8,	   /* binds of one claim: others may take and leave the path meanwhile */
	ASIDE_MAX = 8,	   /* names to move to */
	LOOKS = 3,	   /* at one path, if it cannot be looked at */
	LOCK_ATTEMPTS = 50 /* a millisecond apart; the work under it takes microseconds */
};

/* Longest of "/dir/.NAME.noded-N". */
enum { ASIDE_SIZE = sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof "..noded-N" };

/* One claim under way. */
struct attempt {
	const char *path;
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const struct owner *owner; /* NULL: nobody else */
	bool trusted; /* the directory is ours or root's: what is dead in it may be replaced */
	/* For probing; opened before anything is changed, so that running out of descriptors
	   cannot leave a claim half done. */
	int datagram, stream;
};

/* lstat(2), again where it fails for another reason than that nothing is there: what cannot be
   looked at must not be touched, and would be left behind for a failure that was gone at once. */
static int look(const char *path, struct stat *st)
{
	int result = -1;

	for (int i = 0; i < LOOKS && result == -1; i++) {
		result = lstat(path, st);
		if (result == -1 && (errno == ENOENT || errno == ENOTDIR))
			break;
	}
	return result;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The directory of an absolute, folded path. */
static void parent_of(char *directory, size_t size, const char *path)
{
	size_t len = (size_t)(strrchr(path, '/') - path);

	snprintf(directory, size, "%.*s", len > 0 ? (int)len : 1, path);
}

static int directory_error(struct err *err, int error, const char *directory)
{
	if (error != ENOENT)
		return err_sys(err, net_bind_error(error), error, "directory %s", directory);
	err_set(err, ERR_IO_ERROR, "no such directory: %s", directory);
	err->sys = error;
	return -1;
}

/* Our own, or the one we are to become. */
static bool is_ours(uid_t uid, const struct owner *owner)
{
	return uid == geteuid() || (owner && owner->uid != (uid_t)-1 && uid == owner->uid);
}

static int check_directory(struct attempt *attempt, struct err *err)
{
	struct stat st;

	if (stat(attempt->directory, &st) == -1)
		return directory_error(err, errno, attempt->directory);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ERR_IO_ERROR, ENOTDIR, "%s", attempt->directory);
	if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		return err_set(err, ERR_UNSAFE_DIRECTORY,
			       "everybody may write in %s and it has no sticky bit, so anybody "
			       "could replace the socket",
			       attempt->directory);
	attempt->trusted = is_ours(st.st_uid, attempt->owner) || st.st_uid == 0;
	return 0;
}

/* Claims are administration: a descriptor kept back is given up where there is none else. */
static bool retry_open(int fd)
{
	return fd == -1 && net_is_out_of_fds(errno) && net_reserve_give();
}

static int open_probe(int type)
{
	int fd;

	do
		fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (retry_open(fd));
	return fd;
}

/* The inode at a path itself, also if it is a link. */
static int open_inode(const char *path)
{
	int fd;

	do
		fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	while (retry_open(fd));
	return fd;
}

static int probe_path(int probe, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	return connect(probe, (const struct sockaddr *)&un, sizeof un) == -1 ? errno : 0;
}

/* Connects a datagram socket to the very inode. ECONNREFUSED: no live socket is bound to it
   (or it is no socket); EPROTOTYPE: a live one that is no datagram socket, and which noticed
   nothing; 0: a live datagram socket. */
static int probe_inode(const struct attempt *attempt, int inode)
{
	char path[sizeof "/proc/self/fd/" + 3 * sizeof inode];

	snprintf(path, sizeof path, "/proc/self/fd/%d", inode);
	return probe_path(attempt->datagram, path);
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

/* What stands in the way, if it does: a dead socket of ours, in a directory where that may be
   replaced, does not. */
static int judge(const struct attempt *attempt, int inode, const struct stat *st, struct err *err)
{
	static const char rule[] = "noded replaces only dead sockets of its own";
	int probed;

	if (!S_ISSOCK(st->st_mode))
		return err_set(err, ERR_PATH_EXISTS, "%s is at %s; %s", kind_of(st->st_mode),
			       attempt->path, rule);
	if (!is_ours(st->st_uid, attempt->owner))
		return err_set(err, ERR_PATH_EXISTS,
			       "a socket of another user (uid %lu) is at %s; %s",
			       (unsigned long)st->st_uid, attempt->path, rule);
	probed = probe_inode(attempt, inode);
	if (probed == EPROTOTYPE || probed == 0)
		return err_set(err, ERR_PATH_EXISTS,
			       "a live socket is at %s: a process has it open; %s", attempt->path,
			       rule);
	if (probed != ECONNREFUSED)
		return err_sys(err, ERR_PATH_EXISTS, probed,
			       "a socket is at %s that may be live: it cannot be probed",
			       attempt->path);
	if (!attempt->trusted)
		return err_set(err, ERR_UNSAFE_DIRECTORY,
			       "a dead socket is at %s, and its directory belongs to another user: "
			       "nothing is replaced there",
			       attempt->path);
	return 0;
}

/* The lock's descriptor, -1 if it cannot be had. */
static int lock_directory(const char *directory)
{
	const struct timespec pause = {.tv_nsec = 1000000L};
	int fd;

	do
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (retry_open(fd));
	for (int i = 0; fd != -1 && i < LOCK_ATTEMPTS; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		if (errno != EWOULDBLOCK && errno != EINTR)
			break; /* a filesystem without */
		nanosleep(&pause, NULL);
	}
	if (fd != -1)
		close(fd);
	return -1;
}

/* A name in the same directory that tells what it is for, so that the next claim finds what a
   killed one left. */
static void aside_name(char name[static ASIDE_SIZE], const struct attempt *attempt, int number)
{
	const char *slash = strrchr(attempt->path, '/');

	snprintf(name, ASIDE_SIZE, "%.*s/.%s.noded-%d", (int)(slash - attempt->path), attempt->path,
		 slash + 1, number);
}

/* Moves whatever is at the path to a free name. 0, or an errno. */
static int move_aside(const struct attempt *attempt, char aside[static ASIDE_SIZE])
{
	int error = EEXIST;

	for (int i = 0; error == EEXIST && i < ASIDE_MAX; i++) {
		aside_name(aside, attempt, i);
		if (renameat2(AT_FDCWD, attempt->path, AT_FDCWD, aside, RENAME_NOREPLACE) == 0)
			return 0;
		error = errno;
	}
	return error;
}

static int put_back(const struct attempt *attempt, const char *aside, struct err *err)
{
	if (renameat2(AT_FDCWD, aside, AT_FDCWD, attempt->path, RENAME_NOREPLACE) == -1)
		return err_set(
		    err, ERR_PATH_EXISTS,
		    "somebody else took %s at the same time; what was there before is now %s",
		    attempt->path, aside);
	return err_set(err, ERR_PATH_EXISTS, "somebody else took %s at the same time",
		       attempt->path);
}

/* Removes the dead socket `probed` from the path. 0: it is no longer there; *removed: by us. */
static int remove_dead(const struct attempt *attempt, const struct stat *probed, bool *removed,
		       struct err *err)
{
	char aside[ASIDE_SIZE];
	struct stat moved;
	int error;

	/* Seldom another by now, but then moving it, if only for a moment, is spared. */
	if (lstat(attempt->path, &moved) == 0 && !same_file(&moved, probed))
		return 0;
	error = move_aside(attempt, aside);
	if (error == ENOENT) /* gone by itself */
		return 0;
	if (error != 0)
		return err_sys(err, net_bind_error(error), error,
			       "cannot move the dead socket at %s aside", attempt->path);
	if (look(aside, &moved) == -1) {
		error = errno;
		if (error == ENOENT)
			return 0;
		renameat2(AT_FDCWD, aside, AT_FDCWD, attempt->path, RENAME_NOREPLACE);
		return err_sys(err, ERR_IO_ERROR, error, "%s", aside);
	}
	if (!same_file(&moved, probed))
		return put_back(attempt, aside, err);
	if (unlink(aside) == -1 && errno != ENOENT) {
		error = errno;
		renameat2(AT_FDCWD, aside, AT_FDCWD, attempt->path, RENAME_NOREPLACE);
		return err_sys(err, net_bind_error(error), error,
			       "cannot remove the dead socket at %s", attempt->path);
	}
	*removed = true;
	return 0;
}

/* Makes room at a path that exists. 0: it may be free now. */
static int replace(const struct attempt *attempt, bool *replaced, struct err *err)
{
	int lock = lock_directory(attempt->directory);
	int inode = open_inode(attempt->path);
	struct stat st;
	int result = -1;

	if (inode == -1 && errno == ENOENT)
		result = 0;
	else if (inode == -1 || fstat(inode, &st) == -1)
		err_sys(err, net_bind_error(errno), errno, "cannot see what is at %s",
			attempt->path);
	else if (judge(attempt, inode, &st, err) == 0)
		result = remove_dead(attempt, &st, replaced, err);
	if (inode != -1)
		close(inode);
	if (lock != -1)
		close(lock);
	return result;
}

/* Removes what a claim of this path left that was killed between moving and removing. */
static void sweep(const struct attempt *attempt)
{
	char aside[ASIDE_SIZE];
	struct stat st;
	struct err ignored;
	int lock = -1;

	for (int i = 0; i < ASIDE_MAX; i++) {
		int inode;

		aside_name(aside, attempt, i);
		if (lstat(aside, &st) == -1)
			continue;
		if (lock == -1)
			lock = lock_directory(attempt->directory);
		inode = open_inode(aside);
		if (inode == -1)
			continue;
		if (fstat(inode, &st) == 0 && judge(attempt, inode, &st, &ignored) == 0)
			unlink(aside);
		close(inode);
	}
	if (lock != -1)
		close(lock);
}

static int bind_once(int fd, const struct address *address)
{
	/* bind(2) gives the file the socket's mode less the umask; a chmod afterwards would follow
	   whatever is at the path by then. */
	mode_t before = umask(0);
	int result = bind(fd, &address->sa, address->len);
	int error = errno;

	umask(before);
	errno = error;
	return result;
}

static int bind_path(const struct attempt *attempt, int fd, const struct address *address,
		     bool *replaced, struct err *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		if (bind_once(fd, address) == 0)
			return 0;
		if (errno == ENOENT)
			return directory_error(err, errno, attempt->directory);
		if (errno != EADDRINUSE)
			return err_sys(err, net_bind_error(errno), errno, "cannot bind %s",
				       attempt->path);
		if (replace(attempt, replaced, err) == -1)
			return -1;
	}
	return err_set(err, ERR_PATH_EXISTS, "others keep taking %s", attempt->path);
}

/* Learns which file bind made. Nothing tells an ordinary process, so what the path shows is
   believed unless it contradicts: a socket bound and not yet listening, as ours is for this
   moment, answers a datagram probe with EPROTOTYPE and a stream connect with ECONNREFUSED; a
   dead one, a listening one or another type does not. */
static int identify(const struct attempt *attempt, struct claim *claim, struct err *err)
{
	struct stat before, after;
	int datagram, stream;

	if (look(attempt->path, &before) == -1)
		return err_sys(err, ERR_IO_ERROR, errno,
			       "%s cannot be seen although noded bound it", attempt->path);
	datagram = probe_path(attempt->datagram, attempt->path);
	stream = probe_path(attempt->stream, attempt->path);
	if (look(attempt->path, &after) == -1 || !same_file(&before, &after) ||
	    !S_ISSOCK(after.st_mode) || datagram == 0 || datagram == ECONNREFUSED || stream == 0 ||
	    stream == EAGAIN || stream == EPROTOTYPE)
		return err_set(err, ERR_PATH_EXISTS,
			       "something else was put at %s while noded bound it", attempt->path);
	claim->dev = after.st_dev;
	claim->ino = after.st_ino;
	return 0;
}

/* Nobody can connect yet. The file is held by a descriptor and compared, so that nothing else is
   given away that was put in its place. */
static int hand_over(const struct attempt *attempt, const struct claim *claim, struct err *err)
{
	int inode = open_inode(attempt->path);
	struct stat st;
	int result = -1;

	if (inode == -1 || fstat(inode, &st) == -1)
		err_sys(err, net_bind_error(errno), errno, "cannot see what is at %s",
			attempt->path);
	else if (st.st_dev != claim->dev || st.st_ino != claim->ino)
		err_set(err, ERR_PATH_EXISTS, "something else was put at %s while noded bound it",
			attempt->path);
	else if (owner_give(inode, claim->mode, attempt->owner, err) == -1)
		err_set(err, err->code, "%s: %s", attempt->path, err->detail);
	else
		result = 0;
	if (inode != -1)
		close(inode);
	return result;
}

static int attempt_open(struct attempt *attempt, const struct address *address, struct err *err)
{
	attempt->path = address->un.sun_path;
	parent_of(attempt->directory, sizeof attempt->directory, attempt->path);
	attempt->datagram = open_probe(SOCK_DGRAM);
	attempt->stream = open_probe(SOCK_STREAM);
	if (attempt->datagram == -1 || attempt->stream == -1)
		return err_sys(err, net_bind_error(errno), errno, "cannot look at %s",
			       attempt->path);
	return check_directory(attempt, err);
}

static void attempt_close(const struct attempt *attempt)
{
	if (attempt->datagram != -1)
		close(attempt->datagram);
	if (attempt->stream != -1)
		close(attempt->stream);
}

int claim_take(struct claim *claim, int fd, const struct address *address, mode_t mode,
	       const struct owner *owner, int backlog, bool *replaced, struct err *err)
{
	struct claim taken = {.address = *address, .mode = mode};
	struct attempt attempt = {.owner = owner};
	int result = -1;

	*replaced = false;
	if (attempt_open(&attempt, address, err) == -1)
		goto done;
	if (fchmod(fd, mode) == -1) {
		err_sys(err, ERR_IO_ERROR, errno, "cannot set the mode of %s", attempt.path);
		goto done;
	}
	if (bind_path(&attempt, fd, address, replaced, err) == -1 ||
	    identify(&attempt, &taken, err) == -1)
		goto done;
	if (owner && hand_over(&attempt, &taken, err) == -1) {
		claim_drop(&taken);
		goto done;
	}
	if (listen(fd, backlog) == -1) {
		err_sys(err, net_bind_error(errno), errno, "cannot listen on %s", attempt.path);
		claim_drop(&taken);
		goto done;
	}
	sweep(&attempt);
	*claim = taken;
	result = 0;
done:
	attempt_close(&attempt);
	return result;
}

bool claim_holds(const struct claim *claim)
{
	struct stat st;

	return claim->address.len > 0 && look(claim->address.un.sun_path, &st) == 0 &&
	       S_ISSOCK(st.st_mode) && st.st_dev == claim->dev && st.st_ino == claim->ino;
}

void claim_drop(struct claim *claim)
{
	char text[ADDRESS_TEXT_SIZE];

	if (claim_holds(claim) && unlink(claim->address.un.sun_path) == -1 && errno != ENOENT)
		log_warning(address_text(&claim->address, text),
			    "cannot remove the socket file: %s; the next start replaces it",
			    strerror(errno));
	*claim = (struct claim){0};
}

bool claim_is_free(const struct address *address)
{
	char directory[sizeof address->un.sun_path];

	parent_of(directory, sizeof directory, address->un.sun_path);
	return faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0;
}

static int judge_directory(const char *directory, const struct stat *st, const struct owner *owner,
			   struct err *err)
{
	if (!S_ISDIR(st->st_mode))
		return err_set(err, ERR_UNSAFE_DIRECTORY, "%s is %s, not a directory", directory,
			       kind_of(st->st_mode));
	if (!is_ours(st->st_uid, owner))
		return err_set(
		    err, ERR_UNSAFE_DIRECTORY,
		    "%s belongs to another user (uid %lu); remove it if it is a leftover, "
		    "or choose another --socket",
		    directory, (unsigned long)st->st_uid);
	/* What a second group has by an ACL shows here too, and is no right to write. */
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_UNSAFE_DIRECTORY, "others may write in %s (mode %04o)",
			       directory, (unsigned)(st->st_mode & 07777));
	return 0;
}

/* The very directory that was judged. */
static int give_directory(const char *directory, const struct stat *judged,
			  const struct owner *owner, struct err *err)
{
	enum { SHARED = 0750 };
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int result = -1;

	if (fd == -1 || fstat(fd, &st) == -1 || !same_file(&st, judged))
		err_sys(err, ERR_IO_ERROR, errno, "directory %s", directory);
	else if (owner->gid != (gid_t)-1 && fchmod(fd, SHARED) == -1)
		err_sys(err, ERR_IO_ERROR, errno, "cannot set the mode of %s", directory);
	else if (owner_give(fd, SHARED, owner, err) == -1)
		err_set(err, err->code, "directory %s: %s", directory, err->detail);
	else
		result = 0;
	if (fd != -1)
		close(fd);
	return result;
}

int claim_directory(const struct address *address, const struct owner *owner, struct err *err)
{
	char directory[sizeof address->un.sun_path];
	struct stat st;

	parent_of(directory, sizeof directory, address->un.sun_path);
	if (mkdir(directory, 0700) == -1 && errno != EEXIST)
		return err_sys(err, ERR_IO_ERROR, errno, "cannot create the directory %s",
			       directory);
	if (lstat(directory, &st) == -1)
		return err_sys(err, ERR_IO_ERROR, errno, "directory %s", directory);
	if (judge_directory(directory, &st, owner, err) == -1)
		return -1;
	return owner ? give_directory(directory, &st, owner, err) : 0;
}
