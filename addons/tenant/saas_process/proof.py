"""Prove that a restored database can be served: load its registry, draw its login page once, and end.

It is confined as a tenant's process before it uses any data, and can connect to PostgreSQL's port only. It
serves nobody: it listens nowhere, and runs no scheduled jobs.
"""

import logging
import os
import tempfile

import psycopg2
from odoo.addons.saas_agreed import LOGIN_PAGE_FAILED, REGISTRY_FAILED, ProofOrder

from . import zygote

_logger = logging.getLogger(__name__)
_NOT_THE_DATA = (psycopg2.OperationalError, MemoryError)
"""Errors of the machine: PostgreSQL is away, the disk is full, the memory is used up."""


def main(line):
    """Return the exit status: 0, or which of the two failed."""
    order = ProofOrder.from_line(line)
    zygote.configure(order.options)
    _confine(order)
    _take(order)
    from odoo.modules.registry import Registry

    from .tenant import first_page

    try:
        Registry.new(order.name)
    except _NOT_THE_DATA:
        raise
    except Exception:
        _logger.critical("the registry of %s cannot be loaded", order.name, exc_info=True)
        return REGISTRY_FAILED
    return 0 if first_page(order.name) == 200 else LOGIN_PAGE_FAILED


def _confine(order):
    from .confinement import SYSTEM_PATHS, Limits, confine, connect_only_to

    if not connect_only_to(int(order.options["db_port"])):
        _logger.warning("%s can connect to any port", order.name)
    limits = Limits(order.memory_bytes, open_files=1024, file_size_bytes=order.file_size_bytes)
    readable = [*SYSTEM_PATHS, *order.readable]
    protection = confine(None, None, readable=readable, writable=[order.folder], limits=limits)
    # Its user was chosen by the engine that started it.
    if missing := [name for name in protection.missing if name != "own_user"]:
        _logger.warning("%s runs without these protections: %s", order.name, ", ".join(missing))


def _take(order):
    """Let Odoo use the restored database and its files only."""
    from . import patches

    patches.serve(order.name, order.folder, order.password)
    tempfile.tempdir = os.environ["TMPDIR"] = patches.temporary_folder()
    os.environ["HOME"] = order.folder
