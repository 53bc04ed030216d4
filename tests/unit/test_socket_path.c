/* Where the admin socket is: every source in its order, as root and as somebody else. */
#include "socket_path.h"

#include <stdlib.h>
#include <unistd.h>
#include "check.h"

#define LONG100                                                                                    \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiii" \
	"iijjjjjjjjjj"

enum who { ANYBODY, ROOT, USER };

/* want: the address, or if it does not begin with "unix:" what the refusal must say. %u in it is
   the uid. option and variables: NULL is unset. The current directory is /usr. */
static const struct {
	const char *name;
	enum who who;
	const char *option, *socket, *runtime;
	bool is_default;
	const char *want;
} rows[] = {
    {"option before all", ANYBODY, "/a/b", "/c", "/d", false, "unix:/a/b"},
    {"option as an address", ANYBODY, "unix:/a/b", NULL, NULL, false, "unix:/a/b"},
    {"option relative", ANYBODY, "x.sock", "/c", NULL, false, "unix:/usr/x.sock"},
    {"option with dots", ANYBODY, "./../x//y", NULL, NULL, false, "unix:/x/y"},
    {"option relative address", ANYBODY, "unix:x", NULL, NULL, false, "unix:/usr/x"},
    {"option with an @ in it", ANYBODY, "./@x", NULL, NULL, false, "unix:/usr/@x"},
    {"option empty", ANYBODY, "", "/c", NULL, false, "--socket: the path is empty"},
    {"option of TCP", ANYBODY, "tcp:127.0.0.1:1", NULL, NULL, false, "--socket: the admin socket"},
    {"option abstract", ANYBODY, "@x", NULL, NULL, false, "--socket: abstract"},
    {"option with a newline", ANYBODY, "/a\nb", NULL, NULL, false,
     "--socket: the path has control"},
    {"option too long", ANYBODY, "/" LONG100 LONG100, NULL, NULL, false,
     "--socket: the path has 201"},
    {"option of a directory", ANYBODY, "..", NULL, NULL, false, "--socket: the path is the root"},
    {"variable", ANYBODY, NULL, "/c", "/d", false, "unix:/c"},
    {"variable relative", ANYBODY, NULL, "c", NULL, false, "unix:/usr/c"},
    {"variable bad", ANYBODY, NULL, "/", "/d", false, "NODED_SOCKET: the path is the root"},
    {"root", ROOT, NULL, NULL, "/d", true, "unix:/run/noded/admin.sock"},
    {"root, variable empty", ROOT, NULL, "", NULL, true, "unix:/run/noded/admin.sock"},
    {"user", USER, NULL, NULL, "/run/user/9", true, "unix:/run/user/9/noded/admin.sock"},
    {"user, no directory", USER, NULL, NULL, NULL, true, "unix:/tmp/noded-%u/admin.sock"},
    {"user, empty directory", USER, NULL, NULL, "", true, "unix:/tmp/noded-%u/admin.sock"},
    {"user, relative directory", USER, NULL, NULL, "d", true, "unix:/tmp/noded-%u/admin.sock"},
    {"user, long directory", USER, NULL, NULL, "/" LONG100, true, "XDG_RUNTIME_DIR: the path has"},
};

static void set_variable(const char *name, const char *value)
{
	if (value == NULL)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

static void test_row(size_t i)
{
	char text[ADDRESS_TEXT_SIZE], want[ADDRESS_TEXT_SIZE];
	const char *uid = strstr(rows[i].want, "%u");
	struct err err = {0};
	struct address address;
	bool is_default;
	int rc;

	set_variable("NODED_SOCKET", rows[i].socket);
	set_variable("XDG_RUNTIME_DIR", rows[i].runtime);
	rc = socket_path_resolve(rows[i].option, &address, &is_default, &err);
	CHECK(is_default == rows[i].is_default, "%s: is%s a default", rows[i].name,
	      rows[i].is_default ? "" : " not");
	if (strncmp(rows[i].want, "unix:", 5) != 0) {
		CHECK(rc == -1 && err.code == ERR_ADDRESS_INVALID && address.len == 0 &&
			  strncmp(err.detail, rows[i].want, strlen(rows[i].want)) == 0,
		      "%s: refused: %s", rows[i].name, err.detail);
		return;
	}
	snprintf(want, sizeof want, "%s", rows[i].want);
	if (uid != NULL)
		snprintf(want, sizeof want, "%.*s%u%s", (int)(uid - rows[i].want), rows[i].want,
			 (unsigned)geteuid(), uid + 2);
	if (!CHECK(rc == 0, "%s: there is one", rows[i].name))
		return;
	CHECK_STR(address_text(&address, text), want, "%s: %s", rows[i].name, want);
}

int main(void)
{
	bool root = geteuid() == 0;

	if (!CHECK(chdir("/usr") == 0, "the current directory is /usr"))
		return check_done();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].who == ANYBODY || (rows[i].who == ROOT) == root)
			test_row(i);
	/* Root can be somebody else for a while. */
	if (root && CHECK(seteuid(65534) == 0, "become another user")) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			if (rows[i].who == USER)
				test_row(i);
		CHECK(seteuid(0) == 0, "and root again");
	}
	return check_done();
}
