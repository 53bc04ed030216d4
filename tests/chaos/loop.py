"""One thread, one selector, timers: so that nothing of ours moves while a check looks at noded."""
import heapq
import itertools
import selectors
import time

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Loop:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.timers = []
        self.order = itertools.count()

    def watch(self, fd, events, callback):
        """The events a descriptor is watched for from now on; 0: none."""
        known = self.selector.get_map().get(fd)
        if not events:
            if known:
                self.selector.unregister(fd)
        elif not known:
            self.selector.register(fd, events, callback)
        elif known.events != events:
            self.selector.modify(fd, events, callback)

    def after(self, seconds, callback, *arguments):
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), callback,
                                     arguments))

    def step(self, most=0.1):
        """One turn, at most so long."""
        if self.timers:
            most = min(most, max(0, self.timers[0][0] - time.monotonic()))
        for key, events in self.selector.select(most):
            # One before it in this turn may have closed it.
            if self.selector.get_map().get(key.fd) is key:
                key.data(events)
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, callback, arguments = heapq.heappop(self.timers)
            callback(*arguments)

    def until(self, condition, seconds):
        """Turns until it holds: True; False if it did not in that time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.step(0.02)
        return True
