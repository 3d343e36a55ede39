"""The program that proves a restored database: imports this addon before Odoo has read its addons path.

    python start_proof.py

It reads a `ProofOrder` from its standard input, and says by its exit status what it found, see `proof`.
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
    sys.exit(importlib.import_module("odoo.addons.saas_process.proof").main(sys.stdin.readline()))
