"""Settings of the command line as keyword arguments: the same names with `_` for `-`, the same values, the same defaults."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from . import _native
from ._errors import UsageError

# Which settings there are is the native part's to know.
FORMS = {name: form for name, _, form in _native.settings()}

Given = list[tuple[str, list[str]]]


def names() -> list[str]:
    """Returns the names of all settings as keyword arguments."""
    return [name.replace("-", "_") for name in FORMS]


def words(settings: Mapping[str, Any]) -> Given:
    """Returns settings as the words of the command line; `None` and `False` leave one out.

    Raises:
        UsageError: there is no such setting, or it does not take such a value.
    """
    return [(name.replace("_", "-"), _values(name, value)) for name, value in settings.items() if value is not None and value is not False]


def _values(name: str, value: Any) -> list[str]:
    form = FORMS.get(name.replace("_", "-"))
    if form is None:
        raise UsageError(f"unknown setting {name!r}; the settings are {', '.join(sorted(known.replace('-', '_') for known in FORMS))}")
    if form == "switch":
        if value is not True:
            raise UsageError(f"{name} takes True or False, not {value!r}")
        return []
    if name == "scale" and isinstance(value, (tuple, list)):
        low, high = value
        return [f"{_word(low)}..{_word(high)}"]
    if form in ("list", "repeated"):
        several = isinstance(value, Iterable) and not isinstance(value, (str, os.PathLike))
        return [_word(one) for one in value] if several else [_word(value)]
    return [_word(value)]


def _word(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if hasattr(value, "item"):
        value = value.item()
    return repr(value) if isinstance(value, float) else str(value)
