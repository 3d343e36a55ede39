"""Everything that people read can be translated."""

import re

from odoo.tests import TransactionCase, tagged
from odoo.tools import file_open
from odoo.tools.translate import TranslationModuleReader, translation_file_reader

_NAME = re.compile(r"\w*_\w*")
"""A word of programs, such as the code of an error."""
_ODOOS = {"ID", "Display Name"}
"""Fields of models that we extend; like the names of these models, Odoo translates them itself."""


@tagged("post_install", "-at_install")
class TestTerms(TransactionCase):
    maxDiff = None

    def _ours(self):
        installed = self.env["ir.module.module"].search([("state", "=", "installed")])
        return [name for name in installed.mapped("name") if name.startswith("saas_manager")]

    def test_every_term_stands_in_the_catalog_of_its_addon_for_each_place(self):
        self.assertIn("saas_manager", self._ours())
        for addon in self._ours():
            with self.subTest(addon=addon):
                shown = set(self._shown(addon))
                self.assertGreater(len(shown), 50)
                self.assertEqual(sorted(shown - set(self._known(addon))), [])

    def _shown(self, addon):
        """What Odoo's own export finds: the term, the model and record of a text of the database."""
        for _module, kind, name, record, source, *_rest in TranslationModuleReader(self.env.cr, [addon]):
            is_code = kind == "code"
            is_odoos = source in _ODOOS or name == "ir.model,name"
            if not is_odoos and not _NAME.fullmatch(source):
                yield source, kind if is_code else name, None if is_code else record

    def _known(self, addon):
        with file_open(f"{addon}/i18n/{addon}.pot", "rb") as file:
            for row in translation_file_reader(file, fileformat="po"):
                is_code = row["type"] == "code"
                place = row["type"] if is_code else row["name"]
                yield row["src"], place, None if is_code else f"{row['module']}.{row['imd_name']}"
