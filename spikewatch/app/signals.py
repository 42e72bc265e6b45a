"""Signals: what a handler may do, which runs between any two steps of the main thread and so must wait for no lock.

Whoever it interrupts may hold that very lock, that of an event's `wait` for one, and the program would never end.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue


def relayed(call: Callable[[], object], *, name: str) -> Callable[[], None]:
    """Return what a handler may call in place of a function that takes locks: a thread of that name calls it soon.

    Each call leads to one of the function, in order.
    """
    wanted: SimpleQueue[None] = SimpleQueue()  # the one queue whose `put` may interrupt itself

    def work() -> None:
        while True:
            wanted.get()
            call()

    threading.Thread(target=work, name=name, daemon=True).start()
    return lambda: wanted.put(None)
