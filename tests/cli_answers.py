#!/usr/bin/env python3
"""Stands in for noded with answers made up beforehand, so that a test can show what nodectl makes of
them, right or wrong.

usage: cli_answers.py [--each] SOCKET ANSWER...
Of each connection the n-th line is answered with the n-th ANSWER, lines beyond the last with nothing.
With --each the n-th connection has its first line answered with the n-th ANSWER.
  TEXT      sends TEXT and LF; ID in it becomes the request's id, several lines are sent as they are
  silence   sends nothing
  close     closes the connection
  part TEXT sends TEXT without LF
  cut TEXT  the same, and closes the connection
"""
import json
import os
import socket
import sys
import threading


def serve(connection, answers):
    with connection, connection.makefile("rb") as lines:
        for answer, line in zip(answers, lines):
            if answer == "close":
                connection.shutdown(socket.SHUT_RDWR)
                return
            if answer == "silence":
                continue
            how, _, rest = answer.partition(" ")
            text = rest if how in ("part", "cut") else answer + "\n"
            text = text.replace("ID", json.dumps(json.loads(line)["id"]))
            connection.sendall(os.fsencode(text))
            if how == "cut":
                connection.shutdown(socket.SHUT_RDWR)
                return
        for _ in lines:
            pass


def main():
    each = sys.argv[1] == "--each"
    path, *answers = sys.argv[2:] if each else sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen()
    os.rename(path + ".new", path)
    while True:
        connection, _ = listener.accept()
        own = [answers.pop(0)] if each else answers
        threading.Thread(target=serve, args=(connection, own), daemon=True).start()


main()
