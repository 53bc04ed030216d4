/* What each command does. All take the command line, report their own failures and return the
   exit status. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

struct args;

/* one_request.c: one request, one reply */
int run_discover(const struct args *args);
int run_version(const struct args *args);
int run_start(const struct args *args);
int run_set_log_level(const struct args *args);
int run_call(const struct args *args);

/* many_requests.c: one request for each argument */
int run_stop_server(const struct args *args);
int run_suspend_server(const struct args *args);
int run_resume_server(const struct args *args);
int run_update_server(const struct args *args);
int run_close_connection(const struct args *args);

/* lists.c */
int run_list_servers(const struct args *args);
int run_list_connections(const struct args *args);

/* state.c */
int run_state(const struct args *args);

/* wait.c */
int run_wait(const struct args *args);

/* shutdown.c */
int run_shutdown(const struct args *args);

/* completion.c, help.c */
int run_completion(const struct args *args);
int run_help(const struct args *args);

#endif
