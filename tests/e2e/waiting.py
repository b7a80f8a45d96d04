"""The only place where tests wait: for a condition, with a deadline."""

import time


class Timeout(AssertionError):
    """A condition did not come true in time."""


def wait_until(predicate, seconds=20, what="", every=0.05):
    """Call predicate until it returns something true, and return that. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            detail = what() if callable(what) else what
            raise Timeout(f"not within {seconds} s: {detail or predicate}")
        time.sleep(every)


def stays_true(predicate, seconds, every=0.1):
    """True if the predicate was true at every look for `seconds`: for "nothing happens"."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not predicate():
            return False
        time.sleep(every)
    return True
