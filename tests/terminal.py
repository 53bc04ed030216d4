#!/usr/bin/env python3
"""Runs a program on a terminal of its own and writes down all that terminal gets.

usage: terminal.py TRANSCRIPT COLUMNS STDOUT PROGRAM ARG...
STDOUT is - for the terminal, or a file for standard output alone. SIGUSR1 types Ctrl-C. Ends with
the program's status, 128 + N after signal N.
"""
import fcntl
import os
import pty
import signal
import struct
import sys
import termios


def become(stdout, command):
    # A shell ignores SIGINT for what it starts in the background.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The size of the terminal is set by then.
    sys.stdin.readline()
    if stdout != "-":
        os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
    os.execvp(command[0], command)


def main():
    transcript, columns, stdout, *command = sys.argv[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        become(stdout, command)
    signal.signal(signal.SIGUSR1, lambda *_: os.write(terminal, b"\x03"))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(columns), 0, 0))
    attributes = termios.tcgetattr(terminal)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
    os.write(terminal, b"\n")
    with open(transcript, "wb", buffering=0) as file:
        try:
            while data := os.read(terminal, 65536):
                file.write(data)
        except OSError:  # EIO: the program has left the terminal
            pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


main()
