"""How the plug-in changes moto: every change names what it replaces and fails loudly when moto moved it."""

import functools
from collections.abc import Callable
from typing import Any


def wrap(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: replaces `owner.name` by a function that gets the original as its first argument."""
    original = getattr(owner, name)

    def decorate(replacement: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def patched(*args: Any, **kwargs: Any) -> Any:
            return replacement(original, *args, **kwargs)

        setattr(owner, name, patched)
        return replacement

    return decorate


def wrap_property(owner: Any, name: str) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Decorator: replaces the property `owner.name`; the function gets (original value getter, self)."""
    original = vars(owner)[name]
    if not isinstance(original, property) or original.fget is None:
        raise TypeError(f"{owner.__name__}.{name} is no property in this moto")
    getter = original.fget

    def decorate(replacement: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        setattr(owner, name, property(lambda self: replacement(getter, self)))
        return replacement

    return decorate


def define(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: adds `owner.name`, which moto must not have; otherwise the addition is out of date."""
    if hasattr(owner, name):
        raise TypeError(f"moto already has {owner.__name__}.{name}")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(owner, name, function)
        return function

    return decorate
