"""Real time for resources: state changes are queued with a due time and applied before the next request looks."""

import heapq
import itertools
import time
from collections.abc import Callable


class Clock:
    """Queue of future state changes. Not thread-safe by itself: the emulator's lock guards it."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def after(self, delay_ms: float, change: Callable[[], None]) -> None:
        """Applies `change` once `delay_ms` have passed; with 0 it happens before the next request."""
        due = time.monotonic() + max(delay_ms, 0) / 1000
        heapq.heappush(self._queue, (due, next(self._order), change))

    def settle(self) -> int:
        """Applies everything that is due, in order, and tells how many changes that was."""
        applied = 0
        while self._queue and self._queue[0][0] <= time.monotonic():
            _, _, change = heapq.heappop(self._queue)
            change()
            applied += 1
        return applied

    def seconds_to_next(self) -> float | None:
        """Time until the next change, None when nothing is queued."""
        if not self._queue:
            return None
        return max(self._queue[0][0] - time.monotonic(), 0)

    def clear(self) -> None:
        """Forgets everything queued."""
        self._queue.clear()
