/* The clock that only goes forward. */
#ifndef SERVER_CLOCK_H
#define SERVER_CLOCK_H

/* Seconds of CLOCK_MONOTONIC, read now; for what must not wait for the loop's own idea of the time,
   loop_now, which stands still during a turn. */
double clock_seconds(void);

#endif
