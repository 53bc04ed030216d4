/* The log of a fuzz target, checked line by line. */
#include "logged.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "../../proto/scan.h"
#include "fuzz.h"

enum { TEXT_SIZE = 128 * 1024 };

static int ends[2] = {-1, -1};
static enum log_format form;
static char text[TEXT_SIZE];

void logged_open(enum log_format format, enum log_level level)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	if (ends[0] == -1)
		REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	form = format;
	/* log_open makes a description of its own of the pipe that is standard error now. */
	REQUIRE(saved != -1 && dup2(ends[1], STDERR_FILENO) != -1);
	log_open(format, level);
	REQUIRE(dup2(saved, STDERR_FILENO) != -1);
	close(saved);
}

static void check_json(const char *line, size_t n)
{
	static const char *const keys[] = {"time", "level", "subject", "event"};
	static struct scan scan;
	cJSON *tree;
	struct err err;

	REQUIRE(scan_line(&scan, line, n, SCAN_REQUEST, &err) == 0);
	tree = cJSON_ParseWithLength(line, n);
	REQUIRE(cJSON_IsObject(tree) && cJSON_GetArraySize(tree) == 4);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		REQUIRE(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(tree, keys[i])));
	cJSON_Delete(tree);
}

const char *logged_take(unsigned *lines)
{
	ssize_t n = read(ends[0], text, sizeof text - 1);
	const char *line = text, *end;

	*lines = 0;
	text[n > 0 ? n : 0] = '\0';
	for (; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		REQUIRE(end != NULL);
		REQUIRE(end - line < LOGGED_LINE_MAX);
		REQUIRE(is_shown(line, (size_t)(end - line)));
		if (form == LOG_JSON)
			check_json(line, (size_t)(end - line));
		++*lines;
	}
	REQUIRE(n <= 0 || line == text + n); /* no NUL */
	return text;
}
