"""The one shared state of the emulator: its lock, clock, delays, journal, faults, tokens and what machines reported."""

import os
import threading
from typing import Any

from .clock import Clock
from .delays import Delays
from .faults import Faults
from .health import HealthReports
from .journal import Journal
from .tokens import TokenBook


class Emulator:
    """moto is not thread-safe: every AWS call and every admin request runs under `lock`, one at a time.

    `changed` is notified after everything that may have altered the world, so that long polls can look again.
    """

    def __init__(self, delays: Delays) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.clock = Clock()
        self.initial_delays = delays
        self.delays = delays
        self.journal = Journal()
        self.faults = Faults()
        self.tokens = TokenBook()
        self.health = HealthReports()
        # Why instances end that nobody asked to end: id → (message, code) of the state reason.
        self.end_reasons: dict[str, tuple[str, str]] = {}
        # What machines printed last, as their host told: id → text.
        self.consoles: dict[str, str] = {}

    def settle(self) -> None:
        """Applies the state changes that are due. Call with the lock held."""
        if self.clock.settle():
            self.changed.notify_all()

    def touch(self) -> None:
        """Wakes long polls after a change. Call with the lock held."""
        self.changed.notify_all()

    def wait_for_change(self, timeout: float) -> None:
        """Releases the lock until something changed, a queued change is due, or `timeout` seconds passed."""
        next_change = self.clock.seconds_to_next()
        self.changed.wait(timeout if next_change is None else min(timeout, next_change + 0.001))
        self.settle()

    def reset(self) -> None:
        """Back to an empty AWS with the delays the process was started with."""
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data
        from moto.s3.models import s3_backends

        self.clock.clear()
        # moto's own reset rebuilds every backend first; without them the next call makes a fresh one.
        for backends in list(BackendDict._instances):
            backends.clear()
        BackendDict._instances.clear()
        reset_model_data()
        # Names of buckets are kept beside the backends.
        s3_backends.bucket_accounts.clear()
        self.delays = self.initial_delays
        self.journal.clear()
        self.faults.clear()
        self.tokens.clear()
        self.health.clear()
        self.end_reasons.clear()
        self.consoles.clear()
        self.touch()

    def describe(self) -> dict[str, Any]:
        """What the readiness check answers."""
        return {"name": "perdure-moto", "pid": os.getpid(), "delays": self.delays.to_json()}
