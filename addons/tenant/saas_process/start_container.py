"""The program of a container: imports this addon before Odoo has read its addons path.

    python start_container.py CHANNEL

CHANNEL: the path of the spawner's socket for this container, see `container`.
"""

import importlib
import pathlib
import sys

import odoo.addons

if __name__ == "__main__":
    # The modules of this folder must not be importable by their bare names.
    sys.path.pop(0)
    # The path as it was given: its folder has the tenants' addons only.
    odoo.addons.__path__.append(str(pathlib.Path(__file__).parents[1]))
    importlib.import_module("odoo.addons.saas_process.container").main(sys.argv[1])
