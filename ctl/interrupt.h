/* SIGINT and SIGTERM while a drain is watched: noticed only where the waiting is. */
#ifndef CTL_INTERRUPT_H
#define CTL_INTERRUPT_H

#include <signal.h>

/* From here on both signals are held back, but for ppoll with interrupt_mask(). Those ignored
   when nodectl began stay ignored. */
void interrupt_catch(void);
/* For ppoll; NULL while interrupt_catch has not been called. */
const sigset_t *interrupt_mask(void);
/* The signal that came, or 0. */
int interrupt_caught(void);

#endif
