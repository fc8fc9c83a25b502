#!/usr/bin/python3
"""gettext's envsubst without options, which Flatcar has and the machine tree has not: replaces $NAME and ${NAME}."""

import os
import re
import sys

TEXT = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
sys.stdout.write(TEXT.sub(lambda found: os.environ.get(found.group(1) or found.group(2), ""), sys.stdin.read()))
