"""The console script `brinell`."""

from __future__ import annotations

import signal
import sys

from . import _native, _runtime


def main() -> int:
    """Runs the command line of this process and returns its exit code."""
    _runtime.find()
    # Ctrl-C belongs to the native part, which stops after the call in hand.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.cli(["brinell", *sys.argv[1:]])
