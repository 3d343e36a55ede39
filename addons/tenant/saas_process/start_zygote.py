"""The program of a zygote: imports this addon before Odoo has read its addons path.

    python start_zygote.py CHANNEL

CHANNEL: the number of an inherited socket, see `tenantry.agreed`.
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
    importlib.import_module("odoo.addons.saas_process.zygote").main(int(sys.argv[1]))
