/* The filter of system calls. */
#include "filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>

enum { ALLOW = SECCOMP_RET_ALLOW, DENY = SECCOMP_RET_ERRNO | ENOSYS };

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { LOW_WORD = 4 };
#else
enum { LOW_WORD = 0 };
#endif

static void add(struct filter *filter, uint16_t code, uint32_t value, size_t if_true,
		size_t if_false)
{
	if (filter->len < FILTER_MAX)
		filter->code[filter->len] =
		    (struct sock_filter){code, (uint8_t)if_true, (uint8_t)if_false, value};
	filter->len++;
}

static void load(struct filter *filter, size_t offset)
{
	add(filter, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The kernel's ints are in the lower half. */
static void load_argument(struct filter *filter, unsigned argument)
{
	load(filter, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) + LOW_WORD);
}

static void give(struct filter *filter, uint32_t what)
{
	add(filter, BPF_RET | BPF_K, what, 0, 0);
}

/* Goes on with the next instruction if what was loaded is the value, else skips so many. */
static void unless_skip(struct filter *filter, uint32_t value, size_t skipped)
{
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped);
}

/* The number of a call is loaded: the next so many instructions are about this one. False: there is
   none of that name. */
static bool about(struct filter *filter, const char *call, size_t instructions)
{
	int number = seccomp_syscall_resolve_name(call);

	if (number >= 0)
		unless_skip(filter, (uint32_t)number, instructions);
	return number >= 0;
}

/* A call by way of another architecture has numbers of its own. */
void filter_begin(struct filter *filter)
{
	filter->len = 0;
	load(filter, offsetof(struct seccomp_data, arch));
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 1, 0);
	give(filter, DENY);
	load(filter, offsetof(struct seccomp_data, nr));
}

void filter_allow(struct filter *filter, const char *call)
{
	if (about(filter, call, 1))
		give(filter, ALLOW);
}

void filter_allow_without(struct filter *filter, const char *call, unsigned argument, uint32_t bits)
{
	if (!about(filter, call, 4))
		return;
	load_argument(filter, argument);
	add(filter, BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0);
	give(filter, ALLOW);
	give(filter, DENY);
}

void filter_allow_values(struct filter *filter, const char *call, unsigned argument,
			 const uint32_t *values, size_t n)
{
	if (!about(filter, call, 2 * n + 2))
		return;
	load_argument(filter, argument);
	for (size_t i = 0; i < n; i++) {
		unless_skip(filter, values[i], 1);
		give(filter, ALLOW);
	}
	give(filter, DENY);
}

int filter_load(struct filter *filter)
{
	struct sock_fprog program = {.filter = filter->code};

	give(filter, DENY);
	if (filter->len > FILTER_MAX)
		return E2BIG;
	program.len = (unsigned short)filter->len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? errno : 0;
}
