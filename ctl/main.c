/* nodectl: from the command line to the exit status. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "help.h"
#include "session.h"

/* A descriptor 0-2 that is closed would be given to the next socket, and what is printed would go
   to noded. Opened the wrong way round, using it fails as it should. */
static int guard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

static int print_help(const struct args *args)
{
	struct buf out = {0};

	if (args->command != NULL)
		help_write_command(&out, args->command);
	else
		help_write(&out);
	session_print_text(args, "help", &out);
	buf_free(&out);
	return 0;
}

static int print_own_version(const struct args *args)
{
	struct buf out = {0};

	if (args->globals.json)
		buf_printf(&out, "%s", NODED_VERSION);
	else
		buf_printf(&out, "nodectl %s\n", NODED_VERSION);
	session_print_text(args, "version", &out);
	buf_free(&out);
	return 0;
}

/* No command: a person gets help, a script its JSON. */
static int refuse_nothing(const struct args *args)
{
	struct failure failure = {0};
	struct buf out = {0};

	failure_usage(&failure, "no command was given");
	if (args->globals.json)
		return session_report(args, "usage", &failure);
	help_write(&out);
	print_stderr(&out);
	buf_free(&out);
	return EXIT_USAGE;
}

static int run(const struct args *args)
{
	if (args->globals.help)
		return print_help(args);
	if (args->globals.version)
		return print_own_version(args);
	if (args->command == NULL)
		return refuse_nothing(args);
	return args->command->run(args);
}

int main(int argc, char **argv)
{
	struct args args;
	struct failure failure = {0};
	int status;

	if (guard_streams() < 0)
		return EXIT_OTHER;
	/* Some start their programs with it ignored; a reader that is gone must end us. */
	signal(SIGPIPE, SIG_DFL);
	if (args_parse(&args, argc, argv, &failure) < 0)
		status = session_report(&args, args.command != NULL ? args.command->name : "usage",
					&failure);
	else
		status = run(&args);
	args_free(&args);
	failure_clear(&failure);
	if (print_end() == 0)
		return status;
	fprintf(stderr, "nodectl: output: cannot write standard output: %s (io_error)\n",
		strerror(errno));
	return status != 0 ? status : EXIT_OTHER;
}
