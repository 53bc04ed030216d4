/* The model kernel: paths. A flat list of names; what noded must never harm is there from the
   beginning. */
#include "kernel.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { OTHER_UID = 2000 };

static ino_t last_ino;
static struct file *live; /* another process's socket */

/* -- inodes -- */

struct inode *inode_new(const char *path, mode_t mode, uid_t uid)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		abort();
	snprintf(inode->path, sizeof(inode->path), "%s", path);
	inode->mode = mode;
	inode->uid = uid;
	inode->ino = ++last_ino;
	TAILQ_INSERT_HEAD(&kernel.inodes, inode, link);
	kernel.changes++;
	return inode;
}

struct inode *inode_find(const char *path)
{
	struct inode *inode;

	TAILQ_FOREACH (inode, &kernel.inodes, link)
		if (inode->path[0] && strcmp(inode->path, path) == 0)
			return inode;
	return NULL;
}

struct inode *inode_at(const char *path)
{
	static const char by_fd[] = "/proc/self/fd/";

	if (strncmp(path, by_fd, sizeof(by_fd) - 1) == 0) {
		const struct file *file = fd_file(atoi(path + sizeof(by_fd) - 1));

		return file ? file->inode : NULL;
	}
	return inode_find(path);
}

static void inode_forget(struct inode *inode)
{
	if (inode->path[0] || inode->opens > 0)
		return;
	if (inode->socket)
		inode->socket->sock->bound = NULL;
	TAILQ_REMOVE(&kernel.inodes, inode, link);
	free(inode);
}

void inode_remove(struct inode *inode)
{
	inode->path[0] = '\0';
	kernel.changes++;
	inode_forget(inode);
}

void inode_close(struct inode *inode)
{
	inode->opens--;
	inode_forget(inode);
}

int directory_check(const char *path)
{
	char name[sizeof(((struct inode *)0)->path)];
	const struct inode *directory;
	char *slash;

	snprintf(name, sizeof(name), "%s", path);
	slash = strrchr(name, '/');
	slash[slash == name] = '\0';
	directory = inode_find(name);
	if (!directory)
		return ENOENT;
	if (!S_ISDIR(directory->mode))
		return ENOTDIR;
	return directory->read_only ? EROFS : 0;
}

/* -- looking -- */

static int give_stat(const struct inode *inode, struct stat *st)
{
	if (!inode) {
		errno = ENOENT;
		return -1;
	}
	*st = (struct stat){
	    .st_dev = 1, .st_ino = inode->ino, .st_mode = inode->mode, .st_uid = inode->uid};
	return 0;
}

CALL(int, stat, const char *path, struct stat *st)
{
	if (strcmp(path, "/proc/self/fd") == 0) {
		*st = (struct stat){.st_mode = S_IFDIR | 0500, .st_size = (off_t)fd_count()};
		return 0;
	}
	if (fault(FAULT_stat)) {
		kernel.fs_faults++;
		return -1;
	}
	return give_stat(inode_at(path), st);
}

CALL(int, lstat, const char *path, struct stat *st)
{
	if (fault(FAULT_lstat)) {
		kernel.fs_faults++;
		return -1;
	}
	return give_stat(inode_find(path), st);
}

CALL(int, fstat, int fd, struct stat *st)
{
	const struct file *file = fd_file(fd);

	if (!file)
		return -1;
	if (file->inode)
		return give_stat(file->inode, st);
	*st = (struct stat){.st_dev = 2, .st_ino = file->ino, .st_mode = S_IFREG | 0600};
	if (file->sock)
		st->st_mode = S_IFSOCK | 0777;
	return 0;
}

CALL(int, faccessat, int at, const char *path, int mode, int flags)
{
	const struct inode *inode = inode_find(path);

	(void)at;
	(void)flags;
	if (inode && (!(mode & X_OK) || inode->mode & 0111))
		return 0;
	errno = inode ? EACCES : ENOENT;
	return -1;
}

/* -- opening -- */

/* /proc/PID/stat and comm. */
static struct file *open_status(const char *path)
{
	const struct process *process;
	struct file *file;

	TAILQ_FOREACH (process, &kernel.processes, link) {
		if (atoi(path + strlen("/proc/")) != process->pid)
			continue;
		file = file_new(KIND_TEXT);
		if (strstr(path, "/comm"))
			snprintf(file->text, sizeof(file->text), "a) name\n");
		else
			snprintf(file->text, sizeof(file->text), "%d (a) name) %c %d 1 1",
				 process->pid, process->zombie ? 'Z' : 'S', process->parent);
		return file;
	}
	return NULL;
}

/* /proc/self/task/PID/children. */
static struct file *open_children(void)
{
	struct file *file = file_new(KIND_TEXT);
	const struct process *process;
	size_t n = 0;

	TAILQ_FOREACH (process, &kernel.processes, link)
		if (process->parent == OUR_PID && n + 16 < sizeof(file->text))
			n += (size_t)snprintf(file->text + n, sizeof(file->text) - n, "%d ",
					      process->pid);
	return file;
}

static struct file *open_inode(const char *path)
{
	struct inode *inode = inode_find(path);
	struct file *file;

	if (!inode)
		return NULL;
	file = file_new(KIND_INODE);
	file->inode = inode;
	inode->opens++;
	return file;
}

CALL(int, open, const char *path, int flags, ...)
{
	struct file *file;

	if (fault(FAULT_open)) {
		kernel.fs_faults++;
		return -1;
	}
	if (strcmp(path, "/dev/null") == 0)
		file = file_new(KIND_NULL);
	else if (strncmp(path, "/proc/", 6) == 0 && isdigit((unsigned char)path[6]))
		file = open_status(path);
	else if (strncmp(path, "/proc/self/task/", 16) == 0)
		file = open_children();
	else
		file = open_inode(path);
	if (!file) {
		errno = ENOENT;
		return -1;
	}
	file->nonblock = true;
	return fd_install(file, flags & O_CLOEXEC);
}

CALL(int, __open_2, const char *path, int flags)
{
	return model_open(path, flags);
}

/* Files of /proc that libc reads for it: the number they take is gone again at once. */
CALL(FILE *, fopen, const char *path, const char *mode)
{
	static struct {
		const char *path;
		char text[24];
	} files[] = {
	    {"/proc/self/statm", "1000 500 1 1 0 1 0\n"},
	    {"/proc/sys/net/core/somaxconn", "4096\n"},
	    {"/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"},
	};

	if (fault(FAULT_fopen))
		return NULL;
	if (fd_free() < 0)
		return NULL;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(path, files[i].path) == 0)
			return fmemopen(files[i].text, strlen(files[i].text), mode);
	violated("fopen of %s, which the model does not know", path);
}

/* Of /proc: the processes. */
struct listing {
	int fd;
	struct dirent entry;
	struct process *next;
};

static DIR *listing_new(int fd)
{
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing)
		abort();
	listing->fd = fd;
	listing->next = TAILQ_FIRST(&kernel.processes);
	return (DIR *)(void *)listing;
}

CALL(DIR *, opendir, const char *path)
{
	int fd;

	if (strcmp(path, "/proc") != 0)
		violated("opendir of %s, which the model does not know", path);
	fd = model_open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : listing_new(fd);
}

CALL(DIR *, fdopendir, int fd)
{
	return listing_new(fd);
}

typedef struct dirent *dirent_pointer;

CALL(dirent_pointer, readdir, DIR *directory)
{
	struct listing *listing = (struct listing *)(void *)directory;

	if (!listing->next)
		return NULL;
	snprintf(listing->entry.d_name, sizeof(listing->entry.d_name), "%d", listing->next->pid);
	listing->next = TAILQ_NEXT(listing->next, link);
	return &listing->entry;
}

CALL(int, closedir, DIR *directory)
{
	int fd = ((struct listing *)(void *)directory)->fd;

	free(directory);
	return fd_close(fd);
}

/* -- changing -- */

static void check_harmless(const struct inode *inode)
{
	if (!S_ISSOCK(inode->mode))
		violated("%s, which is no socket, is removed or moved", inode->path);
	if (inode->uid != OUR_UID)
		violated("%s, another user's socket, is removed or moved", inode->path);
	if (inode->socket && !inode->by_noded)
		violated("%s, a live socket of another process, is removed or moved", inode->path);
}

CALL(int, unlink, const char *path)
{
	struct inode *inode = inode_find(path);
	int error = inode ? directory_check(path) : ENOENT;

	if (fault(FAULT_unlink)) {
		kernel.fs_faults++;
		return -1;
	}
	if (error) {
		errno = error;
		return -1;
	}
	check_harmless(inode);
	inode_remove(inode);
	return 0;
}

CALL(int, renameat2, int at, const char *path, int to_at, const char *to, unsigned flags)
{
	struct inode *inode = inode_find(path);
	int error = inode ? directory_check(path) : ENOENT;

	(void)at;
	(void)to_at;
	if (fault(FAULT_renameat2)) {
		kernel.fs_faults++;
		return -1;
	}
	if (!(flags & RENAME_NOREPLACE))
		violated("a rename that may replace");
	if (!error && inode_find(to))
		error = EEXIST;
	if (error) {
		errno = error;
		return -1;
	}
	check_harmless(inode);
	snprintf(inode->path, sizeof(inode->path), "%s", to);
	kernel.changes++;
	return 0;
}

CALL(int, mkdir, const char *path, mode_t mode)
{
	int error = inode_find(path) ? EEXIST : directory_check(path);

	if (!error) {
		inode_new(path, S_IFDIR | mode, OUR_UID)->by_noded = true;
		return 0;
	}
	errno = error;
	return -1;
}

CALL(int, fchmod, int fd, mode_t mode)
{
	struct file *file = fd_file(fd);

	if (!file)
		return -1;
	if (file->sock)
		file->sock->mode = mode;
	return 0;
}

/* Nothing is given to another owner here. */
CALL(int, fchownat, int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
	(void)path;
	(void)flags;
	if (uid != (uid_t)-1 || gid != (gid_t)-1)
		violated("descriptor %d is given to another owner", fd);
	return 0;
}

CALL(int, setxattr, const char *path, const char *name, const void *value, size_t size, int flags)
{
	(void)value;
	(void)size;
	(void)flags;
	violated("%s gets the attribute %s", path, name);
}

CALL(mode_t, umask, mode_t mask)
{
	mode_t before = kernel.mask;

	kernel.mask = mask;
	return before;
}

CALL(int, flock, int fd, int how)
{
	(void)how;
	return fd_file(fd) ? 0 : -1;
}

CALL(uid_t, geteuid, void)
{
	return OUR_UID;
}

/* -- the whole -- */

void fs_boot(void)
{
	struct inode *theirs;

	last_ino = 0;
	inode_new("/run", S_IFDIR | 0755, OUR_UID);
	inode_new("/srv", S_IFDIR | 0755, OUR_UID);
	inode_new("/tmp", S_IFDIR | S_ISVTX | 0777, 0);
	inode_new("/open", S_IFDIR | 0777, 0);
	inode_new("/ro", S_IFDIR | 0755, OUR_UID)->read_only = true;
	inode_new("/srv/file", S_IFREG | 0644, OUR_UID);
	inode_new("/srv/link", S_IFLNK | 0777, OUR_UID);
	inode_new("/srv/fifo", S_IFIFO | 0644, OUR_UID);
	inode_new("/srv/stale.sock", S_IFSOCK | 0600, OUR_UID);
	inode_new("/srv/theirs.sock", S_IFSOCK | 0600, OTHER_UID);
	theirs = inode_new("/srv/live.sock", S_IFSOCK | 0600, OUR_UID);
	theirs->socket = live = sock_new(AF_UNIX, SOCK_STREAM);
	live->sock->bound = theirs;
	sock_listen(live, QUEUE_MAX);
	inode_new("/proc", S_IFDIR | 0555, 0);
	inode_new("/bin", S_IFDIR | 0755, 0);
	inode_new("/bin/program", S_IFREG | 0755, 0);
	inode_new("/bin/text", S_IFREG | 0644, 0);
}

void fs_halt(void)
{
	struct inode *inode, *next;

	file_unref(live);
	TAILQ_FOREACH_SAFE (inode, &kernel.inodes, link, next) {
		TAILQ_REMOVE(&kernel.inodes, inode, link);
		free(inode);
	}
}
