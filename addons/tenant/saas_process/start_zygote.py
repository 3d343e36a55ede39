"""The program of a zygote: finds this addon, which Odoo does not before it knows its addons path.

    python start_zygote.py CHANNEL

CHANNEL: the number of an inherited socket, see `tenantry.agreed`.
"""

import importlib
import pathlib
import sys

import odoo.addons

if __name__ == "__main__":
    # This folder's modules are not for everybody to import by their bare names.
    sys.path.pop(0)
    # By the path it was started with: that folder holds tenants' addons only.
    odoo.addons.__path__.append(str(pathlib.Path(__file__).parents[1]))
    importlib.import_module("odoo.addons.saas_process.zygote").main(int(sys.argv[1]))
