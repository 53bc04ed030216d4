/* Memory for libev, which aborts where it gets none. */
#ifndef SERVER_SPARE_H
#define SERVER_SPARE_H

/* Gives libev an allocator that falls back upon a part of noded's own image when malloc(3) fails:
   it cannot be refused, and takes no memory until it is used. Before any other call of libev. */
void spare_lend(void);

#endif
