#!/usr/bin/env python3
"""Clients that connect again and again, and count every one that connected and was cut off.

usage: churn.py N ADDRESS    until SIGTERM; then prints {"served", "refused", "cut"} as JSON
ADDRESS is tcp:HOST:PORT, unix:/PATH or /PATH. A client is served if its bytes come back, refused
if connect fails, cut off if anything fails after connect has succeeded.
"""
import json
import signal
import socket
import sys
import threading
import time

PATIENCE = 60  # seconds


class Churn:
    def __init__(self, address):
        if address.startswith(("unix:", "/")):
            self.family, self.target = socket.AF_UNIX, address.removeprefix("unix:")
        else:
            host, _, port = address.removeprefix("tcp:").rpartition(":")
            self.family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
            self.target = (host.strip("[]"), int(port))
        self.ending = threading.Event()
        self.counting = threading.Lock()
        self.served, self.refused, self.cut = 0, 0, []

    def visit(self, text):
        """One connection. True: served, False: refused."""
        with socket.socket(self.family, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE)
            try:
                client.connect(self.target)
            except OSError:
                return False
            client.sendall(text)
            back = b""
            while len(back) < len(text):
                more = client.recv(len(text) - len(back))
                if not more:
                    raise OSError(f"closed after {len(back)} of {len(text)} bytes")
                back += more
            if back != text:
                raise OSError("other bytes came back")
            return True

    def run(self, number):
        turn = 0
        while not self.ending.is_set():
            turn += 1
            try:
                served, cut = self.visit(b"client %d, visit %d" % (number, turn)), None
            except OSError as error:
                served, cut = False, str(error)
            with self.counting:
                if cut:
                    self.cut.append(cut)
                else:
                    self.served += served
                    self.refused += not served
            if not served:
                # A server that is away answers at once: leave it the processor.
                time.sleep(0.001)

    def result(self):
        return {"served": self.served, "refused": self.refused, "cut": self.cut}


def main():
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    churn = Churn(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: churn.ending.set())
    clients = [threading.Thread(target=churn.run, args=(n,)) for n in range(int(sys.argv[1]))]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    print(json.dumps(churn.result()))


if __name__ == "__main__":
    main()
