"""What there is to survive: rows, and the injections of each, in the order of the report.

Written by hand, so that a fault that is dropped or forgotten shows: `run` compares this list with
what is registered before it injects anything."""

ROWS = {
    "tcp-destroyed": (
        "A listening TCP socket is destroyed by the administrator's tools",
        "destroyed-tcp destroyed-tcp6 destroyed-while-full destroyed-under-load "
        "destroyed-again-and-again destroyed-for-good destroyed-connections",
    ),
    "shut-by-sharer": (
        "A listener is shut down by a process that shares it, TCP and Unix",
        "shut-tcp shut-unix shut-one-way shut-admin",
    ),
    "lost-then": (
        "After a loss: stop, start again, suspend, resume, lose again while backing off",
        "lost-stopped lost-started lost-suspended lost-resumed lost-twice lost-and-stopping",
    ),
    "fd-closed": (
        "The descriptor of a listener is closed inside the process",
        "closed-tcp closed-unix closed-under-load closed-number-taken closed-number-listens "
        "closed-admin closed-kept",
    ),
    "path-lost": (
        "The file of a Unix listener is removed, replaced, or its directory moved",
        "path-removed replaced-by-file replaced-by-live-socket replaced-by-link "
        "replaced-by-directory replaced-by-dead-socket directory-moved directory-replaced "
        "moved-and-back path-and-descriptor "
        "path-replaced-then-stopped",
    ),
    "accept-short": (
        "accept finds no descriptor, file or memory, also with nobody waiting",
        "no-descriptor no-descriptor-unix no-descriptor-nobody no-descriptor-all "
        "accept-says-EMFILE accept-says-EMFILE-to-nobody accept-says-ENFILE "
        "accept-says-ENFILE-to-nobody accept-says-ENOBUFS accept-says-ENOBUFS-to-nobody "
        "accept-says-ENOMEM accept-says-ENOMEM-to-nobody "
        "any-ENFILE any-ENOBUFS any-ENOMEM last-descriptor",
    ),
    "accept-passing": (
        "accept passes on an error that belongs to one client",
        "accept-passes-ECONNABORTED accept-passes-EPROTO accept-passes-ENETDOWN "
        "accept-passes-ENOPROTOOPT accept-passes-EHOSTDOWN accept-passes-ENONET "
        "accept-passes-EHOSTUNREACH accept-passes-EOPNOTSUPP accept-passes-ENETUNREACH "
        "accept-passes-EPERM accept-passes-ETIMEDOUT accept-passes-EINTR "
        "stop-while-accept-fails accept-says-EPERM-for-ever accept-says-ECONNABORTED-for-ever "
        "accept-says-EACCES-for-ever accept-says-EINVAL-for-ever accept-says-EIO-for-ever "
        "passing-errors",
    ),
    "clients-gone": (
        "Clients leave or reset before they are accepted",
        "reset-before-accept connect-and-close connect-and-close-unix connect-and-reset",
    ),
    "flood": (
        "Thousands of clients at once, and a full backlog",
        "flood flood-of-1000 backlog-full backlog-of-one more-than-allowed "
        "operator-and-flood operator-and-both operator-without-descriptors",
    ),
    "start-refused": (
        "The port is taken, privileged, foreign or of a family that is off",
        "port-in-use port-bound port-of-all port-in-use-at-listen port-privileged "
        "foreign-address no-ipv6 no-ipv6-at-all start-socket-EMFILE start-socket-ENFILE "
        "start-socket-ENOBUFS start-bind-EACCES start-bind-ENOMEM start-listen-ENOBUFS",
    ),
    "time-wait": (
        "The port is in TIME_WAIT because the server closed first",
        "time-wait time-wait-restart",
    ),
    "path-kinds": (
        "Something else is at the path, or the path is no path",
        "path-file path-empty-file path-directory path-fifo path-link path-dangling "
        "path-link-to-live path-link-to-dead path-hard-link path-live path-bound path-datagram "
        "path-packet path-foreign path-live-undisturbed path-impossible path-odd path-not-utf8 "
        "start-at-file start-at-directory start-at-fifo start-at-link start-at-dangling-link "
        "start-at-live-socket",
    ),
    "stale-socket": (
        "A socket file of our own was left by kill -9",
        "stale-sockets stale-leftover aside-taken "
        "killed-and-started",
    ),
    "two-at-once": (
        "Two are started together on one path",
        "two-at-once two-at-once-200 two-servers-one-path",
    ),
    "bad-filesystem": (
        "The file system is full or read-only, the directory missing or unsafe",
        "filesystem-full filesystem-readonly filesystem-readonly-later directory-missing "
        "directory-unsafe directory-forbidden",
    ),
    "stop-burst": (
        "A stop in the middle of a burst of clients",
        "stop-burst stop-burst-unix stop-burst-1000 stop-burst-1000-unix",
    ),
    "stop-twice": (
        "Stop twice, harder during a drain, and the caller is killed",
        "stop-twice stop-shortened stop-now-during-drain stop-caller-killed stop-suspended",
    ),
    "deadline": (
        "The drain's deadline passes with few and with many connections",
        "deadline-1 deadline-1000 deadline-20000",
    ),
    "stubborn-children": (
        "Children that ignore TERM, are stopped, fork away or leave the session",
        "children-ignore-term children-stopped children-stopped-stubborn children-fork-away "
        "children-leave-session",
    ),
    "child-ends": (
        "Children end with any status, and hundreds at once",
        "child-statuses children-end-at-once",
    ),
    "no-program": (
        "The program is missing, not executable, or cannot be executed",
        "program-missing program-interpreter program-garbage program-removed program-forbidden "
        "program-arguments",
    ),
    "spawn-fails": (
        "fork, pipe, pidfd or a copy of the descriptor fails",
        "spawn-clone-EAGAIN spawn-clone-ENOMEM spawn-pipe2-EMFILE spawn-pipe2-ENFILE "
        "spawn-without-descriptors",
    ),
    "child-inherits": (
        "What a child could inherit: descriptors, signals, environment",
        "child-inherits",
    ),
    "child-floods": (
        "A child floods its standard error, with control bytes",
        "child-floods child-long-line child-closes-stderr",
    ),
    "backend": (
        "The backend refuses, is unreachable, silent, full, or dies",
        "backend-refuses backend-dead-socket backend-unreachable backend-black-hole "
        "backend-full backend-full-then-not backend-dies backend-is-killed",
    ),
    "streams": (
        "Half-close, reset, vanished peer, slow reader, slow writer, small buffers",
        "stream-both-ways stream-small-buffers stream-read-EINTR stream-read-EAGAIN "
        "stream-write-EINTR stream-write-EAGAIN stream-splice-EINTR stream-splice-EAGAIN "
        "half-closed reset-in-the-middle slow-reader slow-writer idle-peers vanished-peer",
    ),
    "peer-closes": (
        "The peer closes while it is written to",
        "peer-closes backend-closes writes-fail",
    ),
    "admin-clients": (
        "Admin clients that are slow, huge, many, deaf, or gone",
        "admin-half-requests admin-slow-bytes admin-endless-line admin-pipelined admin-deaf "
        "admin-dies-before-reply admin-64-idle admin-64-begun admin-64-deaf admin-64-busy "
        "admin-flooded admin-interrupted "
        "operator-and-10-idle operator-and-64-idle",
    ),
    "admin-json": (
        "Malformed JSON of every kind, and numbers out of range",
        "json-malformed json-wrong-types",
    ),
    "admin-others": (
        "Another user on the admin socket, and peers with hostile names",
        "admin-other-user peer-names "
        "strangers-and-operator hostile-names-shown",
    ),
    "admin-removed": (
        "The file of the admin socket is removed",
        "admin-removed admin-replaced admin-linked-away",
    ),
    "nth-failure": (
        "The Nth allocation or system call fails, once and for ever",
        "nth-socket nth-bind nth-listen nth-accept4 nth-pipe2 nth-clone nth-openat nth-fcntl "
        "nth-setsockopt nth-fchmod nth-unlink nth-shutdown",
    ),
    "log-target": (
        "The log's target is full, gone, stopped or a full device",
        "log-pipe-full log-pipe-gone log-reader-stopped log-dev-full log-closed-terminal "
        "log-socket-full "
        "any-full-device any-deaf-reader",
    ),
    "closed-stdio": (
        "Started with descriptors 0 to 2 closed",
        "closed-stdio",
    ),
    "signals": (
        "Signals, storms of them, twice, during a drain; stopped and continued",
        "signals-ignored signal-TERM signal-INT signal-HUP signal-QUIT signal-TERM-TERM "
        "signal-HUP-INT signal-TERM-QUIT signal-storm stopped-2-s stopped-30-s "
        "signal-stopped-terminated",
    ),
    "durations": (
        "Time-outs that are negative, no number, infinite or too large",
        "durations-json durations-cli durations-zero",
    ),
    "kill-9": (
        "kill -9 at any instant, at chosen ones too, and while a child lives",
        "killed-at-bind-1 killed-at-listen-1 killed-at-renameat2-1-stale "
        "killed-at-unlink-1-stale killed-at-bind-2-stale killed-at-listen-1-stale "
        "killed-at-unlink-1-stop killed-at-shutdown-1-stop killed-under-load killed-1000",
    ),
}


def differences(faults):
    """Where this list and the registered faults differ."""
    listed = [(name, row) for row, (_, names) in ROWS.items() for name in names.split()]
    registered = [(fault.name, fault.row) for fault in faults]
    for name, row in sorted(set(listed) - set(registered)):
        yield f"{name} of {row} is listed, and no fault is registered for it"
    for name, row in sorted(set(registered) - set(listed)):
        yield f"{name} of {row} is registered, and not listed"
    for name in sorted({name for name, _ in listed if [n for n, _ in listed].count(name) > 1}):
        yield f"{name} is listed twice"
    for row, (_, names) in ROWS.items():
        if not names:
            yield f"{row} has no fault"
