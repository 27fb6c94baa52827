"""Python reads this before anything else, where its folder is on the path."""

import os
from importlib import import_module
from pathlib import Path

loopback_only = import_module("loopback_only")

if loopback_only.LOG in os.environ:
    loopback_only.install()

handlers = import_module("handlers")

if handlers.FOLDER in os.environ:
    handlers.install(Path(os.environ[handlers.FOLDER]))
