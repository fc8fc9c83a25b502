"""ClientToken as AWS honours it: same token and parameters answer the same resource, other parameters are refused."""

import hashlib
import json
from typing import Any

_NOT_PARAMETERS = ("ClientToken", "Action", "Version")


class TokenBook:
    """Remembers which resource a token made, per account, region and action."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str, str], tuple[str, Any]] = {}

    def find(self, key: tuple[str, str, str, str], fingerprint: str) -> tuple[bool, Any]:
        """(False, None) for a new token, (True, value) when it was used for this; raises KeyError on a mismatch."""
        known = self._made.get(key)
        if known is None:
            return False, None
        if known[0] != fingerprint:
            raise KeyError(key[3])
        return True, known[1]

    def remember(self, key: tuple[str, str, str, str], fingerprint: str, value: Any) -> None:
        """Records what the token made."""
        self._made[key] = (fingerprint, value)

    def clear(self) -> None:
        """Forgets all tokens."""
        self._made.clear()


def fingerprint(params: Any) -> str:
    """A digest of the parameters that AWS compares when a token comes again."""
    kept = {k: v for k, v in dict(params).items() if k not in _NOT_PARAMETERS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()
