"""Python reads this before anything else, where its folder is on the path."""

import os
from importlib import import_module

loopback_only = import_module("loopback_only")

if loopback_only.LOG in os.environ:
    loopback_only.install()
