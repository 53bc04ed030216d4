/* The smallest program worth being run for a connection: linked statically, says one word. */
#include <unistd.h>

int main(void)
{
	return write(1, "hello\n", 6) == 6 ? 0 : 1;
}
