# Builds noded and nodectl, tests them, installs them. `make help` lists the targets and these:
#
#   SAN=1        AddressSanitizer, UBSan and LeakSanitizer; everything then goes to build/san/
#   COVERAGE=1   counts the lines and branches that run, as `make coverage` reports; build/coverage/
#   WERROR=1     warnings are errors
#   V=1          show the whole commands
#   CC=clang     another compiler; CFLAGS, CPPFLAGS and LDFLAGS are added to ours
#   JOBS=1       so many bats files and other tests at a time; without it three a processor
#   AGAIN=1      check leaves out what is the same in every build
#   FAULTS='...' options of tests/faults/run, as in FAULTS="--fault 'path-*'"
#   TESTS='...'  only these bats files, as in TESTS='tests/build.bats tests/demo.bats'
#   SECONDS=600  how long chaos takes; N=1000: how often restarts kills
#   SEED=1       their sequence; without it a new one
#   PEERS='..'   of the bench only these, METRICS='..' only these; ROUNDS=5 how often each is measured
#   T=60         seconds that `make fuzz` gives each target
#   TARGETS='..' only these fuzz targets, as in TARGETS='address path'

PROTO = phase error text buf json address scan params path method wire discover socket_path
SERVER = clock log net spare owner ids privileges filter sandbox access refusals loop pipe late_tune signals \
	backoff engine identity offspring launch \
	child relay claim listen listener conn handler echo forward exec pool \
	server transport state call methods lists wait shutdown batch session admin node main
CTL = account args client columns command completion exchange failure help interrupt lists many_requests \
	memory one_request option owner pages print progress raw request resolve session shutdown state \
	suggest table tree wait main

# Unit tests, tests/unit/NAME.c: with proto alone, and with the server's objects except main.
UNIT_PROTO = test_address test_buf test_discover test_error test_json test_params test_path \
	test_phase test_scan test_socket_path test_wire
UNIT_SERVER = test_claim test_engine test_filter test_log test_net test_refusals test_relay \
	test_wait

# Fuzz targets, tests/fuzz/NAME.c, likewise, and with nodectl's objects except main.
FUZZ_PROTO = address line path sockaddr
FUZZ_SERVER = log request
FUZZ_CTL = argv reply
# And one with noded as a whole, on a kernel in memory: see tests/fuzz/kernel.h.
FUZZ_NODE = node
FUZZ_KERNEL = kernel kernel_socket kernel_path kernel_process
FUZZ_WORLD = world invariants memory

# Programs of the bench, tests/bench/NAME.c, and what they share.
BENCH = backend closer load spawn tiny
BENCH_SHARED = flow place
BENCH_LOAD = load_ask load_bulk load_churn load_idle load_pingpong

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions
FISHDIR = $(PREFIX)/share/fish/vendor_completions.d
UNITDIR = $(PREFIX)/lib/systemd/system
INSTALL = install
EVERY = 1

# Debian's names. What a target installs is what its list names, no more.
DEPS_BUILD = gcc make libc6-dev libev-dev libcjson-dev libbsd-dev libseccomp-dev
DEPS_DEMO = redis-server redis-tools socat iproute2
DEPS_TEST = bats bats-assert bats-support bats-file jq socat netcat-openbsd \
	redis-server redis-tools nginx-light curl git python3 procps iproute2 util-linux strace \
	gdb mandoc bash-completion zsh fish systemd libseccomp-dev
# For the table of faults: the peers they are injected into as well.
DEPS_FAULTS = gdb strace iproute2 util-linux python3 \
	haproxy nginx-light libnginx-mod-stream redis-server socat ucspi-tcp systemd shadowsocks-libev
# For the figures beside those of the peers.
DEPS_BENCH = python3 strace valgrind \
	haproxy nginx-light libnginx-mod-stream pen redis-server redis-tools socat systemd ucspi-tcp \
	xinetd
DEPS_FUZZ = clang libclang-rt-14-dev
DEPS_LINT = clang-format clang-tidy cppcheck groff-base mandoc shellcheck
DEPS_COVERAGE = gcovr

ifeq ($(origin CC),default)
CC = gcc
endif

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings $(if $(WERROR),-Werror)
ifdef FUZZ
override CC = clang
VARIANT = fuzz
BIN = build/fuzz
FLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link \
	-fno-sanitize-recover=all
LINK = -fsanitize=fuzzer
else ifdef SAN
VARIANT = san
BIN = build/san
FLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LINK = -fsanitize=address,undefined
else ifdef COVERAGE
VARIANT = coverage
BIN = build/coverage
# gcc takes execve for a function of its own, to write the counts before it: in the child that shares
# noded's memory it would do so for good, and count nothing of noded after its first program.
FLAGS = -O0 -g --coverage -fprofile-update=atomic -fno-builtin-execve
LINK = --coverage
else
VARIANT = release
BIN = build
FLAGS = -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE
LINK = -pie -Wl,-z,relro,-z,now
endif
OBJ = build/$(VARIANT)
COMPILE = $(CC) -std=gnu11 -D_GNU_SOURCE -I. $(FLAGS) $(WARNINGS) $(QUOTE) $(CPPFLAGS) $(CFLAGS)
LINKER = $(CC) $(FLAGS) $(CFLAGS) $(LINK) $(LDFLAGS)
LIBS = -lcjson -lbsd
SERVER_LIBS = -lev -lseccomp $(LIBS)
QUOTE =
Q = $(if $(V),,@echo '  $@' && )

PROTO_OBJ = $(PROTO:%=$(OBJ)/proto/%.o)
SERVER_OBJ = $(SERVER:%=$(OBJ)/server/%.o)
CTL_OBJ = $(CTL:%=$(OBJ)/ctl/%.o)
UNITS = $(UNIT_PROTO:%=$(OBJ)/unit/%) $(UNIT_SERVER:%=$(OBJ)/unit/%)
FUZZERS = $(FUZZ_PROTO:%=$(OBJ)/fuzz/%) $(FUZZ_SERVER:%=$(OBJ)/fuzz/%) \
	$(FUZZ_CTL:%=$(OBJ)/fuzz/%) $(FUZZ_NODE:%=$(OBJ)/fuzz/%)
FUZZ_SHARED = $(OBJ)/tests/fuzz/fuzz.o $(if $(FUZZ),,$(OBJ)/tests/fuzz/replay.o)
BENCHES = $(BENCH:%=$(OBJ)/bench/%)
OBJECTS = $(PROTO_OBJ) $(SERVER_OBJ) $(CTL_OBJ) $(OBJ)/man/tables.o \
	$(UNIT_PROTO:%=$(OBJ)/tests/unit/%.o) $(UNIT_SERVER:%=$(OBJ)/tests/unit/%.o) \
	$(FUZZERS:$(OBJ)/fuzz/%=$(OBJ)/tests/fuzz/%.o) $(FUZZ_SHARED) \
	$(OBJ)/tests/fuzz/logged.o \
	$(FUZZ_KERNEL:%=$(OBJ)/tests/fuzz/%.o) $(FUZZ_WORLD:%=$(OBJ)/tests/fuzz/%.o) \
	$(patsubst %,$(OBJ)/tests/bench/%.o,$(BENCH) $(BENCH_SHARED) $(BENCH_LOAD))

PAGES = man/nodectl.1 man/noded.8 man/noded-protocol.7
C_FILES = $(wildcard proto/*.[ch] server/*.[ch] ctl/*.[ch] man/*.[ch] tests/*.c tests/*/*.[ch])
SCRIPTS = .ci/run man/generate $(shell grep -lE '^\#!.*/(ba)?sh' tests/* tests/*/* 2>/dev/null)

.PHONY: all bench deps deps-bench deps-build deps-demo deps-faults deps-fuzz deps-test deps-lint demo run check \
	build-tests unit bats chaos restarts faults nth fuzz fuzz-merge fuzz-replay fuzz-targets \
	layers lint check-lint lint-format lint-c lint-analyze lint-man lint-shell \
	coverage format man install uninstall clean help FORCE
.DELETE_ON_ERROR:

all: $(BIN)/noded $(BIN)/nodectl ## build noded and nodectl into build/

$(BIN)/noded: $(SERVER_OBJ) $(PROTO_OBJ)
	$(Q)$(LINKER) -o $@ $^ $(SERVER_LIBS)

$(BIN)/nodectl: $(CTL_OBJ) $(PROTO_OBJ)
	$(Q)$(LINKER) -o $@ $^ $(LIBS)

$(OBJ)/tables: $(OBJ)/man/tables.o $(PROTO_OBJ)
	$(Q)$(LINKER) -o $@ $^ $(LIBS)

$(UNIT_PROTO:%=$(OBJ)/unit/%): $(OBJ)/unit/%: $(OBJ)/tests/unit/%.o $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(Q)$(LINKER) -o $@ $^ $(LIBS)

$(UNIT_SERVER:%=$(OBJ)/unit/%): $(OBJ)/unit/%: $(OBJ)/tests/unit/%.o \
		$(filter-out %/main.o,$(SERVER_OBJ)) $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(Q)$(LINKER) -o $@ $^ $(SERVER_LIBS)

$(FUZZ_PROTO:%=$(OBJ)/fuzz/%): $(OBJ)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_SHARED) $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(Q)$(LINKER) -o $@ $^ $(LIBS)

$(FUZZ_SERVER:%=$(OBJ)/fuzz/%): $(OBJ)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_SHARED) \
		$(OBJ)/tests/fuzz/logged.o $(filter-out %/main.o,$(SERVER_OBJ)) $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(Q)$(LINKER) -o $@ $^ $(SERVER_LIBS)

$(FUZZ_CTL:%=$(OBJ)/fuzz/%): $(OBJ)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_SHARED) \
		$(filter-out %/main.o,$(CTL_OBJ)) $(PROTO_OBJ)
	@mkdir -p $(@D)
	$(Q)$(LINKER) -o $@ $^ $(LIBS)

# What reaches new places of noded is of interest, not of the model.
ifdef FUZZ
$(FUZZ_KERNEL:%=$(OBJ)/tests/fuzz/%.o) $(FUZZ_WORLD:%=$(OBJ)/tests/fuzz/%.o) \
		$(FUZZ_NODE:%=$(OBJ)/tests/fuzz/%.o): private FLAGS += -fno-sanitize=fuzzer-no-link
endif

# The very objects of noded, and libev, with what they call of libc renamed to what the model kernel
# has in its place. What neither it has nor tests/fuzz/harmless lists must not be called.
$(OBJ)/fuzz/core.a: $(filter-out %/main.o,$(SERVER_OBJ)) $(PROTO_OBJ) tests/fuzz/harmless \
		tests/fuzz/core $(FUZZ_KERNEL:%=$(OBJ)/tests/fuzz/%.o) $(OBJ)/tests/fuzz/memory.o
	@mkdir -p $(@D)
	$(Q)tests/fuzz/core $@ "$$($(CC) -print-file-name=libev.a)" \
		'$(FUZZ_KERNEL:%=$(OBJ)/tests/fuzz/%.o)' $(OBJ)/tests/fuzz/memory.o \
		$(filter %.o,$(filter-out $(OBJ)/tests/%,$^))

$(FUZZ_NODE:%=$(OBJ)/fuzz/%): $(OBJ)/fuzz/%: $(OBJ)/tests/fuzz/%.o $(FUZZ_SHARED) \
		$(FUZZ_KERNEL:%=$(OBJ)/tests/fuzz/%.o) $(FUZZ_WORLD:%=$(OBJ)/tests/fuzz/%.o) \
		$(OBJ)/fuzz/core.a
	$(Q)$(LINKER) -Wl,--wrap=waits_open -o $@ $^ $(filter-out -lev,$(SERVER_LIBS)) -lm

$(OBJ)/bench/load: $(BENCH_LOAD:%=$(OBJ)/tests/bench/%.o)
$(OBJ)/bench/load $(OBJ)/bench/backend $(OBJ)/bench/closer $(OBJ)/bench/spawn: $(OBJ)/bench/%: \
		$(OBJ)/tests/bench/%.o $(BENCH_SHARED:%=$(OBJ)/tests/bench/%.o)
	@mkdir -p $(@D)
	$(Q)$(LINKER) -o $@ $^

# Run by servers for each connection, so as light as a program can be; never sanitized.
$(OBJ)/bench/tiny: tests/bench/tiny.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -static -nostartfiles -fno-stack-protector $(WARNINGS) -o $@ $<

# Preloaded into noded by a test: never sanitized, it stands in for malloc itself.
$(OBJ)/fail_call.so: tests/nth/fail_call.c $(OBJ)/flags
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -fPIC -shared $(WARNINGS) -o $@ $<

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

# Rewritten only when the compiler or a flag changes, and then everything is compiled again.
$(OBJ)/flags: export COMMANDS = $(COMPILE) $(LINKER)
$(OBJ)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$COMMANDS" | cmp -s - $@ || printf '%s\n' "$$COMMANDS" >$@

# Unit tests name headers of proto/ and server/ without the directory, as their sources do.
$(OBJ)/tests/unit/%.o: private QUOTE = -iquote proto -iquote server

-include $(OBJECTS:.o=.d)

# The compiler itself may be missing, so these install first and build in a make of their own.
demo: deps-demo ## show the main job: start, serve, inspect, drain, stop
	@$(MAKE) --no-print-directory all
	@tests/demo $(BIN)

run: deps-build ## build and leave noded in the foreground, with commands to try
	@$(MAKE) --no-print-directory all
	@tests/run-node $(BIN)

check: deps ## every test, on the release binary or with SAN=1 the sanitized one
	@$(MAKE) --no-print-directory build-tests
	@UNITS='$(UNITS)' FUZZERS='$(FUZZERS)' tests/check $(OBJ) $(BIN) layers unit fuzz bats faults

unit: $(UNITS) ## the unit tests alone
	@UNITS='$(UNITS)' tests/check $(OBJ) $(BIN) unit

bats: build-tests ## the bats tests alone, all of them or TESTS
	@TESTS='$(TESTS)' tests/check $(OBJ) $(BIN) bats

build-tests: all $(UNITS) $(FUZZERS) $(BENCHES) $(OBJ)/tables $(OBJ)/fail_call.so

# Some 21,000 points. EVERY=13 takes one in thirteen, and leaves the published report as it is.
nth: deps-test ## let the Nth call of every function fail: half an hour; EVERY=13: 3 minutes
	@$(MAKE) --no-print-directory build-tests
	tests/nth/run --every $(EVERY) $(if $(SAN)$(filter-out 1,$(EVERY)),,--report tests/nth/REPORT.md) \
		$(BIN)/noded $(OBJ)/fail_call.so

faults: deps-faults build-tests ## inject every fault into noded and its peers, write the table
	@NODED=$(CURDIR)/$(BIN)/noded NODECTL=$(CURDIR)/$(BIN)/nodectl \
		tests/faults/run --report tests/faults/REPORT.md $(FAULTS)
# A whole run is the one that is published; what is only a part of it goes to build/bench/.
bench: deps-bench ## measure noded beside its peers, 10 minutes: PEERS, METRICS, ROUNDS
	@$(MAKE) --no-print-directory all $(BENCHES)
	@NODED=$(CURDIR)/$(BIN)/noded NODECTL=$(CURDIR)/$(BIN)/nodectl tests/bench/run \
		--programs $(OBJ)/bench $(addprefix --rounds ,$(ROUNDS)) \
		--output $(if $(PEERS)$(METRICS)$(SAN)$(COVERAGE),$(BIN)/bench,tests/bench) \
		$(if $(PEERS),--peers '$(PEERS)') $(if $(METRICS),--metrics '$(METRICS)')

# A run that is whole is published: 600 seconds, 1,000 kills. What sanitizers add to memory and time is
# no figure of noded's.
CHAOS_REPORT = $(if $(SAN)$(COVERAGE),,--report tests/chaos/REPORT.md)
chaos: deps-test ## random faults against clients that verify every byte: SECONDS, SEED
	@$(MAKE) --no-print-directory all
	@NODED=$(CURDIR)/$(BIN)/noded tests/chaos/chaos $(addprefix --seconds ,$(SECONDS)) \
		$(addprefix --seed ,$(SEED)) $(CHAOS_REPORT)

restarts: deps-test ## kill -9 at random instants, start again: N, SEED
	@$(MAKE) --no-print-directory all
	@NODED=$(CURDIR)/$(BIN)/noded tests/chaos/restarts $(addprefix --count ,$(N)) \
		$(addprefix --seed ,$(SEED)) $(CHAOS_REPORT)

# These need clang, whatever CC is, and objects of their own.
fuzz: deps-fuzz ## run each fuzz target, or TARGETS, for T seconds on input made up as it goes
	@$(MAKE) --no-print-directory FUZZ=1 fuzz-targets
	@tests/fuzz/run --report tests/fuzz/REPORT.md build/fuzz/fuzz '$(or $(T),60)' $(or $(TARGETS),$(notdir $(FUZZERS)))

fuzz-merge: deps-fuzz ## keep of all inputs found the fewest that reach everything
	@$(MAKE) --no-print-directory FUZZ=1 fuzz-targets
	@tests/fuzz/merge build/fuzz/fuzz $(or $(TARGETS),$(notdir $(FUZZERS)))

fuzz-targets: $(FUZZERS)

fuzz-replay: $(FUZZERS) ## run the fuzz targets on the inputs that are kept, as check does
	@FUZZERS='$(FUZZERS)' tests/check $(OBJ) $(BIN) fuzz

layers: ## check who includes whom
	@tests/layers

deps: ## install from Debian what building and testing need
	@tests/deps building and testing: $(DEPS_BUILD) $(DEPS_TEST)

deps-build: ## install what building needs
	@tests/deps building: $(DEPS_BUILD)

deps-test: | deps-build ## install what testing needs
	@tests/deps testing: $(DEPS_TEST)

deps-faults:
	@tests/deps building and the table of faults: $(DEPS_BUILD) $(DEPS_FAULTS)

deps-bench:
	@tests/deps building and the bench: $(DEPS_BUILD) $(DEPS_BENCH)

deps-demo:
	@tests/deps building and the demo: $(DEPS_BUILD) $(DEPS_DEMO)

deps-fuzz: deps-build
	@tests/deps fuzzing: $(DEPS_FUZZ)

deps-lint:
	@tests/deps building and linting: $(DEPS_BUILD) $(DEPS_LINT)

lint: layers lint-format lint-c lint-analyze lint-man lint-shell ## formatting, analysis, manual pages, scripts

# Here and not in check, as there are two of those and one source.
check-lint: deps-lint ## the same, each part but layers counted as a test
	@tests/check build/lint $(BIN) lint

lint-format: deps-lint
	clang-format --dry-run -Werror $(C_FILES)

# Suppressed: what system headers do to themselves, what RB_GENERATE of sys/tree.h looks like, and
# formats, which the compiler checks better.
lint-c: deps-lint
	@mkdir -p $(OBJ)
	$(CC) -dM -E -x c /dev/null >$(OBJ)/predefined.h
	cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 \
		--enable=warning,performance,portability --suppress=ctuuninitvar \
		--suppress='shiftTooManyBitsSigned:/usr/*' --suppress='integerOverflow:/usr/*' \
		--suppress=invalidScanfArgType_int --suppress=invalidPrintfArgType_uint \
		-D_GNU_SOURCE -D__STDC__=1 --include=$(OBJ)/predefined.h -I. -I/usr/include \
		-I/usr/include/$(shell $(CC) -print-multiarch) \
		-I$(shell $(CC) -print-file-name=include) $(filter %.c,$(C_FILES))

# Each file in a run of its own: clang-tidy 14 carries what it knows of one's va_lists into the
# next. What is off, and why, stands in .clang-tidy; off in gcc 12: it takes a reallocarray that
# failed for a free, which the others here know better.
ANALYZED = $(wildcard proto/*.c server/*.c ctl/*.c man/*.c)
lint-analyze: deps-lint
	@printf '%s\n' $(ANALYZED) | xargs -P "$$(nproc)" -I{} sh -c \
		'clang-tidy --quiet {} -- -std=gnu11 -D_GNU_SOURCE -I. 2>/dev/null'
	@printf '%s\n' $(ANALYZED) | xargs -P "$$(nproc)" -I{} \
		gcc -std=gnu11 -D_GNU_SOURCE -I. -O2 -fanalyzer -Wno-analyzer-double-free -Werror \
		-c -o /dev/null {}

# groff, behind man(1), only warns of what it cannot fit into a line.
lint-man: deps-lint
	mandoc -T lint -W warning $(PAGES)
	@for width in 80 110; do for page in $(PAGES); do \
		groff -mandoc -Tutf8 -ww -rLL=$${width}n $$page 2>&1 >/dev/null; \
	done; done | sed 's/^/groff: /' | (! grep .)

lint-shell: deps-lint
	shellcheck -x $(SCRIPTS) tests/lib.bash $(wildcard tests/*.bats tests/*/*.bats)

# The whole suite in a build that counts. A program killed by SIGKILL takes its counts with it, and so
# does one that may write no files. Other users may: the files are there, empty, before them.
coverage: deps ## lines and branches that the tests run: build/coverage/report.txt and .html
	@tests/deps coverage: $(DEPS_COVERAGE)
	@$(MAKE) --no-print-directory COVERAGE=1 build-tests
	@find build/coverage -name '*.gcno' | sed 's/gcno$$/gcda/' | while read -r counts; do \
		: >"$$counts" && chmod 666 "$$counts"; \
	done
	-@$(MAKE) --no-print-directory COVERAGE=1 check
	gcovr --root . --object-directory build/coverage --filter 'proto/' --filter 'server/' \
		--filter 'ctl/' --exclude-unreachable-branches --print-summary \
		--txt build/coverage/report.txt --html-details build/coverage/report.html \
		--csv build/coverage/report.csv
	tests/coverage-table build/coverage/report.csv tests/COVERAGE.md

format: ## clang-format every C file in place
	clang-format -i $(C_FILES)

man: $(OBJ)/tables ## rewrite the generated tables in the manual pages
	@man/generate $(OBJ)/tables $(PAGES)

install: all ## install under DESTDIR and PREFIX (/usr/local)
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(BASHDIR) \
		$(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR) $(DESTDIR)$(MANDIR)/man1 \
		$(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(UNITDIR)
	$(INSTALL) -m 755 $(BIN)/noded $(DESTDIR)$(SBINDIR)/noded
	$(INSTALL) -m 755 $(BIN)/nodectl $(DESTDIR)$(BINDIR)/nodectl
	$(INSTALL) -m 644 man/nodectl.1 $(DESTDIR)$(MANDIR)/man1/nodectl.1
	$(INSTALL) -m 644 man/noded-protocol.7 $(DESTDIR)$(MANDIR)/man7/noded-protocol.7
	$(INSTALL) -m 644 man/noded.8 $(DESTDIR)$(MANDIR)/man8/noded.8
	sed 's|/usr/local/sbin|$(SBINDIR)|' server/noded.service >$(DESTDIR)$(UNITDIR)/noded.service
	chmod 644 $(DESTDIR)$(UNITDIR)/noded.service
	mkdir -p $(OBJ)/completion
	$(BIN)/nodectl completion bash >$(OBJ)/completion/bash
	$(BIN)/nodectl completion zsh >$(OBJ)/completion/zsh
	$(BIN)/nodectl completion fish >$(OBJ)/completion/fish
	$(INSTALL) -m 644 $(OBJ)/completion/bash $(DESTDIR)$(BASHDIR)/nodectl
	$(INSTALL) -m 644 $(OBJ)/completion/zsh $(DESTDIR)$(ZSHDIR)/_nodectl
	$(INSTALL) -m 644 $(OBJ)/completion/fish $(DESTDIR)$(FISHDIR)/nodectl.fish

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/noded $(DESTDIR)$(BINDIR)/nodectl \
		$(DESTDIR)$(MANDIR)/man1/nodectl.1 $(DESTDIR)$(MANDIR)/man7/noded-protocol.7 \
		$(DESTDIR)$(MANDIR)/man8/noded.8 $(DESTDIR)$(BASHDIR)/nodectl \
		$(DESTDIR)$(ZSHDIR)/_nodectl $(DESTDIR)$(FISHDIR)/nodectl.fish \
		$(DESTDIR)$(UNITDIR)/noded.service

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16
	@echo 'Variables, to be given to any of them:'
	@sed -n 's/^#   \([A-Z][^ ]*\)  */  \1\t/p' Makefile | expand -t 16
