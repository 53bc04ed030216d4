/* What must hold of noded at any time it is at rest, whatever happens to it. */
#ifndef FUZZ_INVARIANTS_H
#define FUZZ_INVARIANTS_H

#include <stdbool.h>
#include <stdint.h>
#include "../../server/domain.h"
#include "kernel.h"

/* Before noded starts. */
void invariants_begin(void);
/* The end of a turn: what is always true. */
void invariants_turn(void);
/* Besides, nothing is left to do: nobody may be waiting for a thing that has happened. */
void invariants_settled(void);
/* noded has returned: nothing of it is left. */
void invariants_end(void);

/* The log says that a server has stopped, and how many connections that took. */
void invariants_stopped(const char *key, uint64_t seen_off);

/* The connection of this client of noded's runs, and was not told to end. */
bool invariants_runs(const struct file *client);
/* Calls failed on which an answer may have been lost with its session. */
bool invariants_excused(void);
/* The node, NULL unless it runs; and what methods act on. */
const struct engine *invariants_node(void);
struct domain *invariants_domain(void);

#endif
