/* Addresses as people write them -> the numeric, absolute form noded takes. */
#include "resolve.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../proto/text.h"
#include "memory.h"

static bool is_relative(const char *text)
{
	return text_begins(text, "./") || text_begins(text, "../");
}

bool resolve_is_address(const char *text)
{
	return is_relative(text) || address_begins(text);
}

static int parse(const char *text, char out[static ADDRESS_TEXT_SIZE], struct failure *failure)
{
	struct address address;
	struct err err = {0};

	if (address_parse(&address, text, &err) < 0)
		return failure_from_err(failure, &err, "");
	address_text(&address, out);
	return 0;
}

static int resolve_relative(const char *path, const char *shown, char out[static ADDRESS_TEXT_SIZE],
			    struct failure *failure)
{
	struct buf text = {0};
	char *cwd = getcwd(NULL, 0);
	int result;

	if (cwd == NULL)
		return failure_usage(failure, "%s: the current directory has no path: %s", shown,
				     strerror(errno));
	buf_printf(&text, "unix:%s/%s", cwd, path);
	free(cwd);
	result = parse(memory_check(&text), out, failure);
	buf_free(&text);
	return result;
}

/* True for what can be a host name and no number: letters, digits, '-', '_' and dots, the last
   label beginning with a letter (getaddrinfo would take "1.2.3" and "0x7f.1" for addresses). */
static bool is_host_name(const char *host, size_t n)
{
	size_t label = 0;

	if (n > 0 && host[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)host[i];

		if (!isalnum(c) && c != '-' && c != '_' && c != '.')
			return false;
		if (c == '.')
			label = i + 1;
	}
	return n > 0 && n < 256 && label < n && isalpha((unsigned char)host[label]);
}

static const struct addrinfo *choose(const struct addrinfo *list)
{
	for (const struct addrinfo *info = list; info != NULL; info = info->ai_next)
		if (info->ai_family == AF_INET)
			return info;
	for (const struct addrinfo *info = list; info != NULL; info = info->ai_next)
		if (info->ai_family == AF_INET6)
			return info;
	return NULL;
}

static int resolve_host(const char *host, const char *port, const char *shown,
			char out[static ADDRESS_TEXT_SIZE], struct failure *failure)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	const struct addrinfo *info;
	struct address address;
	int error = getaddrinfo(host, port, &hints, &list);

	if (error != 0)
		return failure_refuse(failure, ERR_ADDRESS_INVALID, "%s: host name %s: %s", shown,
				      host,
				      error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
	info = choose(list);
	if (info == NULL) {
		freeaddrinfo(list);
		return failure_refuse(failure, ERR_ADDRESS_INVALID,
				      "%s: host name %s has no address", shown, host);
	}
	address_from_sockaddr(&address, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(list);
	address_text(&address, out);
	return 0;
}

static int resolve_tcp(const char *text, char out[static ADDRESS_TEXT_SIZE],
		       struct failure *failure)
{
	const char *rest = text + strlen("tcp:"), *colon = strrchr(rest, ':');
	char *host;
	int result;

	if (colon == NULL || !is_host_name(rest, (size_t)(colon - rest)) ||
	    !address_is_port(colon + 1))
		return parse(text, out, failure);
	host = memory_copy(rest, (size_t)(colon - rest));
	result = resolve_host(host, colon + 1, text, out, failure);
	free(host);
	return result;
}

/* A word that has none of the forms; unlike in a request, names and relative paths would do. */
static int refuse_form(const char *text, struct failure *failure)
{
	char meant[ADDRESS_TEXT_SIZE];

	if (address_suggest(text, meant))
		return failure_refuse(failure, ERR_ADDRESS_INVALID,
				      "%s is not an address; did you mean %s?", text, meant);
	if (text[0] != '\0' && strchr(text, ':') == NULL)
		return failure_refuse(failure, ERR_ADDRESS_INVALID,
				      "%s is not an address; did you mean ./%s?", text, text);
	return failure_refuse(failure, ERR_ADDRESS_INVALID,
			      "\"%s\" is not an address: give tcp:HOST:PORT, unix:/PATH, /PATH or "
			      "./PATH",
			      text);
}

int resolve_address(const char *text, char out[static ADDRESS_TEXT_SIZE], struct failure *failure)
{
	if (is_relative(text))
		return resolve_relative(text, text, out, failure);
	if (text_begins(text, "tcp://"))
		return refuse_form(text, failure);
	if (text_begins(text, "unix:") && text[5] != '/' && text[5] != '@' && text[5] != '\0')
		return resolve_relative(text + strlen("unix:"), text, out, failure);
	if (text_begins(text, "tcp:"))
		return resolve_tcp(text, out, failure);
	if (address_begins(text))
		return parse(text, out, failure);
	return refuse_form(text, failure);
}
