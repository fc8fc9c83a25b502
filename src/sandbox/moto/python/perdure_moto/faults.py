"""Scripted failures: rules that match calls and answer errors, delay them, or break the connection around them."""

import itertools
import random
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .call import Call

_KINDS = ("error", "delay", "dropBefore", "dropAfter", "throttle")
_MATCH_KEYS = ("service", "action", "region", "account", "accessKey")


@dataclass
class Outcome:
    """What the rules want for one call; `error` is (code, message, status)."""

    delay_ms: float = 0
    error: tuple[str, str, int] | None = None
    drop: str = ""
    rules: list[str] = field(default_factory=list)


class Rule:
    """One rule. `nth` counts matching calls from 1; `after` skips that many; `count` limits how often it fires."""

    def __init__(self, rule_id: str, spec: dict[str, Any]) -> None:
        self.id = rule_id
        self.spec = spec
        self.effect: dict[str, Any] = spec.get("effect") or {}
        self.kind = str(self.effect.get("kind", ""))
        if self.kind not in _KINDS:
            raise ValueError(f"fault effect.kind is '{self.kind}', must be one of {', '.join(_KINDS)}")
        if self.kind == "error" and not self.effect.get("code"):
            raise ValueError("fault effect.code is missing: name the AWS error code to answer")
        nth = spec.get("nth")
        self._nth = set(nth if isinstance(nth, list) else [nth]) if nth is not None else None
        self._after = int(spec.get("after", 0))
        self._count = spec.get("count")
        self._probability = float(spec.get("probability", 1))
        self._random = random.Random(spec.get("seed", 0))
        self._tokens = float(self.effect.get("burst", self.effect.get("ratePerSecond", 1)))
        self._refilled = time.monotonic()
        self.seen = 0
        self.fired = 0

    def fires(self, call: Call) -> bool:
        """Counts the call if it matches and decides whether the rule acts on it."""
        if not self._matches(call):
            return False
        self.seen += 1
        if self._nth is not None and self.seen not in self._nth:
            return False
        if self.seen <= self._after or (self._count is not None and self.fired >= int(self._count)):
            return False
        if self._probability < 1 and self._random.random() >= self._probability:
            return False
        if self.kind == "throttle" and self._take_token():
            return False
        self.fired += 1
        return True

    def _matches(self, call: Call) -> bool:
        facts = (call.service, call.action, call.region, call.account_id, call.access_key)
        for key, fact in zip(_MATCH_KEYS, facts, strict=True):
            wanted = self.spec.get(key)
            if wanted is not None and not any(
                fnmatchcase(fact, w) for w in ([wanted] if isinstance(wanted, str) else wanted)
            ):
                return False
        if self.spec.get("mutating") is not None and bool(self.spec["mutating"]) != call.mutating:
            return False
        params: dict[str, str] = self.spec.get("params") or {}
        return all(fnmatchcase(str(call.params.get(name, "")), pattern) for name, pattern in params.items())

    def _take_token(self) -> bool:
        rate, burst = (
            float(self.effect.get("ratePerSecond", 1)),
            float(self.effect.get("burst", self.effect.get("ratePerSecond", 1))),
        )
        now = time.monotonic()
        self._tokens = min(burst, self._tokens + (now - self._refilled) * rate)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def to_json(self) -> dict[str, Any]:
        """The rule as posted, with its id and how often it matched and fired."""
        return {**self.spec, "id": self.id, "seen": self.seen, "fired": self.fired}


class Faults:
    """Ordered rules. Delays add up; the first error or drop decides."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._ids = itertools.count(1)

    def add(self, spec: dict[str, Any]) -> Rule:
        """Adds a rule (a given `id` replaces the rule of that id)."""
        rule = Rule(str(spec.get("id") or f"fault-{next(self._ids)}"), spec)
        self._rules[rule.id] = rule
        return rule

    def remove(self, rule_id: str) -> bool:
        """Removes one rule; False when there is none of that id."""
        return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Removes all rules."""
        self._rules.clear()

    def list(self) -> list[dict[str, Any]]:
        """All rules with their counters."""
        return [rule.to_json() for rule in self._rules.values()]

    def outcome(self, call: Call) -> Outcome:
        """Asks every rule about one call."""
        outcome = Outcome()
        for rule in self._rules.values():
            if (outcome.error or outcome.drop) and rule.kind != "delay":
                continue
            if not rule.fires(call):
                continue
            outcome.rules.append(rule.id)
            _apply(rule, call, outcome)
        return outcome


def _apply(rule: Rule, call: Call, outcome: Outcome) -> None:
    effect = rule.effect
    if rule.kind == "delay":
        outcome.delay_ms += float(effect.get("ms", 0))
    elif rule.kind in ("dropBefore", "dropAfter"):
        outcome.drop = rule.kind
    else:
        default_code, default_status = _throttle_defaults(call) if rule.kind == "throttle" else ("", 400)
        code = str(effect.get("code", default_code))
        outcome.error = (
            code,
            str(effect.get("message", f"{code} (scripted)")),
            int(effect.get("status", default_status)),
        )


def _throttle_defaults(call: Call) -> tuple[str, int]:
    """EC2 answers RequestLimitExceeded with 503, the query and JSON services Throttling(Exception) with 400."""
    if call.service == "ec2":
        return "RequestLimitExceeded", 503
    return ("Throttling", 400) if call.protocol == "query" else ("ThrottlingException", 400)
