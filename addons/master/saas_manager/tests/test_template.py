"""T1 to T8: a recipe, its builds, and what cannot be changed afterwards."""

from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import Mock, patch

from odoo.addons.queue_job.job import Job
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.module import load_script
from odoo.tests import Form, tagged
from odoo.tools import mute_logger
from odoo.tools.misc import file_path
from psycopg2 import IntegrityError

from tenantry.errors import InvalidRecipe, TemplateNotFound
from tenantry.model.secret import Secret

from .. import gateway
from ..lifecycle import TEMPLATE, after
from .common import SaasCase, engines_are

BUTTONS = {
    "build": "action_create_template_db",
    "edit": "action_edit_template",
    "take_back": "action_mark_ready",
}

_TITLES = {"mail": "Discuss", "contacts": "Contacts", "point_of_sale": "Point of Sale"}


@tagged("post_install", "-at_install")
class TestTemplate(SaasCase):
    def _built(self, version="1.0.1"):
        languages = ("en_US", "fr_FR")
        return SimpleNamespace(
            version=version, size_bytes=28 * 2**20, languages=languages, chart_country="FR", stale=""
        )

    def test_the_four_shipped_templates_exist_and_are_valid(self):
        shipped = [
            self.env.ref(f"saas_manager.saas_template_{code}")
            for code in ("blank", "restaurant", "ecommerce", "services")
        ]
        for template in shipped:
            with self.subTest(template=template.name):
                gateway.check_recipe(template)
                self.assertEqual(template.template_db, f"template_{template.code}")

    def test_each_action_in_a_wrong_state_is_refused_with_a_message(self):
        labels = dict(self.env["saas.template"]._fields["state"].selection)
        for state, label in labels.items():
            template = self._make_template(f"in-{state}", state)
            for action, button in BUTTONS.items():
                reopens = (action, state) == ("edit", "editing")
                if after(TEMPLATE, action, state) or reopens:
                    continue
                with self.subTest(button=button, state=state), self.assertRaises(UserError) as refused:
                    getattr(self._as("administrator", template), button)()
                sentence = f"{template.name} is {label.lower()}: this action is not possible now."
                self.assertEqual(str(refused.exception), sentence)

    def _choose(self, template, *names):
        """Open the dialog as an administrator, with a server that has three modules, and choose these."""
        own = template._building_server()
        there = [{"name": name, "title": title} for name, title in _TITLES.items()]
        with patch.object(gateway, "modules_of", return_value=there) as asked:
            action = self._as("administrator", template).action_open_choose_modules()
        asked.assert_called_once_with(own)
        wizards = self._as("administrator", self.env[action["res_model"]])
        wizard = Form(wizards.with_context(**action["context"]))
        before = [module.name for module in wizard.module_ids]
        wizard.module_ids.clear()
        for module in self.env["saas.module"].search([("name", "in", names), ("server_id", "=", own.id)]):
            wizard.module_ids.add(module)
        wizard.save().action_choose_modules()
        return before

    def test_the_modules_of_a_template_are_chosen_by_their_names_for_people(self):
        template = self._make_template("bakery", "draft", modules="mail, own_addon contacts")
        before = self._choose(template, "mail", "point_of_sale")
        self.assertEqual(sorted(before), ["contacts", "mail"])
        self.assertEqual(template.modules, "mail own_addon point_of_sale")

    def test_modules_are_asked_of_a_server_that_can_build_the_template(self):
        template = self._make_template("bakery", "draft")
        servers = self.env["saas.server"]
        servers.search([("address", "in", (False, ""))]).active = False
        other = self.env["res.company"].create({"name": "Other Provider"})
        for code, values in {
            "elsewhere": {"address": "ssh://root@192.0.2.1"},
            "older": {"series": "18.0"},
            "cloud": {"runtime": "railway"},
            "others": {"company_id": other.id},
        }.items():
            servers += self._make_server(code, **{"sequence": 1, **values})
        with self.assertRaises(UserError):
            template._building_server()
        draft = self._make_server("draft", sequence=2, state="draft")
        self.assertEqual(template._building_server(), draft)
        active = self._make_server("used", sequence=3, state="active")
        self.assertEqual(template._building_server(), active)
        template.server_id = servers[0]
        self.assertEqual(template._building_server(), servers[0])

    def test_the_modules_of_a_template_are_chosen_by_administrators_only(self):
        with self.assertRaises(AccessError):
            self._as("manager", self.template).action_open_choose_modules()

    def test_the_job_of_whoever_asks_for_spares_notes_how_many_there_are(self):
        with patch.object(gateway, "fill_pool", return_value=2):
            self._as("administrator", self.template)._fill_pool()
        self.assertEqual(self.template.spare_count, 2)

    def test_a_build_is_a_job_and_ends_ready_with_a_version(self):
        template = self._make_template("bakery", "draft")
        with self._jobs() as jobs:
            self._as("administrator", template).action_create_template_db()
        jobs.assert_jobs_count(1, only=template._build)
        self.assertFalse(template.is_template_ready)
        with self._jobs() as jobs, patch.object(gateway, "build_template", return_value=self._built()):
            self._as("administrator", template)._build()
        self.assertEqual((template.state, template.template_version), ("ready", "1.0.1"))
        self.assertTrue(template.is_template_ready)
        jobs.assert_jobs_count(1, only=template._fill_pool)

    def test_a_failed_build_notes_the_reason_and_keeps_the_previous_version(self):
        self.template.template_version = "1.0.0"
        with self._jobs():
            self._as("administrator", self.template).action_update_template()
        error = InvalidRecipe("shop", "it has no modules")
        with self._jobs(), patch.object(gateway, "build_template", side_effect=error):
            self._as("administrator", self.template)._build()
        self.assertEqual(self.template.state, "failed")
        self.assertEqual(self.template.state_reason, gateway.sentence(error))
        self.assertTrue(self.template.is_template_ready)

    def test_an_unsupported_series_fails_with_the_reason(self):
        template = self._make_template("older", state="building", series="18.0")
        template._build()
        self.assertEqual(template.state, "failed")
        self.assertIn("18.0 is not supported", template.state_reason)

    def test_an_edited_copy_becomes_the_template_and_its_password_is_not_stored(self):
        editing = SimpleNamespace(
            url="http://edit--shop.localhost", login="admin", password=Secret("s3cret-pw")
        )
        template = self._as("administrator", self.template)
        with patch.object(gateway, "edit_template", return_value=editing):
            shown = template.action_edit_template()["params"]["message"]
        self.assertIn("s3cret-pw", shown)
        self.assertEqual(template.state, "editing")
        self.env.flush_all()
        self.assertNotIn("s3cret-pw", str(template.message_ids.mapped("body")) + str(template.sudo().read()))
        with self._jobs() as jobs:
            template.action_mark_ready()
        jobs.assert_jobs_count(1, only=template._finish_editing)

    def test_odoos_log_is_shown_while_it_is_built_and_after_a_failure(self):
        for state, shown in (("building", "line"), ("failed", "line"), ("ready", False), ("draft", False)):
            template = self._make_template(f"log-{state}", state)
            with self.subTest(state), patch.object(gateway, "build_log", return_value="line"):
                self.assertEqual(self._as("administrator", template).build_log, shown)

    def test_a_built_template_stays_on_its_server(self):
        template = self._make_template("bakery", template_version="1.0.0")
        elsewhere = self._make_server("elsewhere", address="paris")
        with self.assertRaisesRegex(UserError, "stays on its server"):
            template.server_id = elsewhere
        template.server_id = self.server  # the installation's own server, as before
        draft = self._make_template("draft")
        draft.server_id = elsewhere

    @contextmanager
    def _engine(self, version):
        """An engine whose template has that version and is not open for editing."""
        engine = Mock()
        engine.facts.return_value.series = "19.0"
        engine.templates.get.return_value = self._built(version)
        engine.templates.finish_editing.side_effect = TemplateNotFound("edit--shop")
        engine.templates.build.return_value = self._built("1.0.9")
        with self._jobs(), engines_are(_engine_of=lambda _server: engine):
            yield engine

    def test_editing_that_a_killed_job_had_finished_is_ready_after_a_retry(self):
        self.template.write({"state": "building", "template_version": "1.0.1"})
        with self._engine("1.0.2"):
            self.template._finish_editing()
        self.assertEqual((self.template.state, self.template.template_version), ("ready", "1.0.2"))

    def test_a_missing_edited_copy_is_a_failure(self):
        self.template.write({"state": "building", "template_version": "1.0.1"})
        with self._engine("1.0.1"):
            self.template._finish_editing()
        self.assertEqual((self.template.state, self.template.template_version), ("failed", "1.0.1"))

    def test_a_template_that_a_killed_job_had_rebuilt_is_not_built_again(self):
        self.template.write({"state": "building", "template_version": "1.0.1"})
        with self._engine("1.0.2") as engine:
            self.template._rebuild()
        engine.templates.build.assert_not_called()
        self.assertEqual((self.template.state, self.template.template_version), ("ready", "1.0.2"))

    def test_a_rebuild_builds_even_without_changes(self):
        self.template.write({"state": "building", "template_version": "1.0.1"})
        with self._engine("1.0.1"):
            self.template._rebuild()
        self.assertEqual(self.template.template_version, "1.0.9")

    def test_a_changed_recipe_makes_a_template_stale_but_usable(self):
        for name, value in (
            ("modules", "base web"),
            ("with_demo", True),
            ("country_id", self.env.ref("base.fr").id),
            ("language_ids", self.env.ref("base.lang_fr").ids),
        ):
            with self.subTest(field=name):
                template = self._make_template(f"changed-{name.partition('_')[0]}")
                self._as("administrator", template).write({name: value})
                self.assertEqual((template.state, template.state_reason), ("stale", "Its recipe changed."))
                self.assertTrue(template.is_template_ready)

    def test_other_changes_keep_a_template_ready(self):
        self._as("administrator", self.template).write(
            {"sequence": 5, "pool_size": 3, "modules": self.template.modules}
        )
        self.assertEqual(self.template.state, "ready")

    def test_changed_code_makes_a_template_stale(self):
        status = [(self.template, {"spare_count": 2}, "Its code changed.")]
        with self._jobs(), patch.object(gateway, "pool_status", return_value=status):
            self.env["saas.template"]._cron_fill_pools()
        self.assertEqual((self.template.state, self.template.state_reason), ("stale", "Its code changed."))
        self.assertEqual(self.template.spare_count, 2)

    def test_its_languages_are_those_it_was_built_with(self):
        self.template.language_ids = self.env.ref("base.lang_fr")
        self.assertEqual(self.template._languages(), {"en_US", "fr_FR"})
        self.template.loaded_languages = "de_DE en_US"
        self.assertEqual(self.template._languages(), {"en_US", "de_DE"})

    def test_an_order_gets_the_nearest_language_that_the_template_has(self):
        self.template.loaded_languages = "en_US fr_FR vi_VN"
        for wanted, nearest in (
            ("fr_FR", "fr_FR"),
            ("fr_BE", "fr_FR"),
            ("vi_VN", "vi_VN"),
            ("de_DE", "en_US"),
            ("en_GB", "en_US"),
        ):
            with self.subTest(wanted=wanted):
                language = self.env["saas.template"]._language_records([wanted])
                self.assertEqual(self.template._nearest_language(language).code, nearest)

    def test_the_shipped_templates_have_the_languages_of_the_pages(self):
        for code in ("blank", "restaurant", "ecommerce", "services"):
            template = self.env.ref(f"saas_manager.saas_template_{code}")
            self.assertEqual(template._recipe()["languages"], ["en_US", "fr_FR", "vi_VN"])

    def test_new_plans_and_templates_are_not_shown_at_the_signup_and_shipped_ones_are(self):
        administrator = self._as("administrator", self.env["saas.plan"])
        new = administrator.create({"name": "New", "code": "new"})
        new |= administrator.browse(self.plan.id).copy({"code": "copy"})
        template = self._as("administrator", self.env["saas.template"]).create({"name": "New", "code": "new"})
        self.assertFalse(any(new.mapped("is_shown")) or template.is_shown)
        for name in ("plan_starter", "plan_professional", "template_blank", "template_services"):
            self.assertTrue(self.env.ref(f"saas_manager.saas_{name}").is_shown)

    def test_a_new_plan_is_in_the_currency_of_the_others(self):
        self.env["saas.plan"].search([]).currency_id = self.env.ref("base.VND")
        plan = self._as("administrator", self.env["saas.plan"]).create({"name": "New", "code": "new"})
        self.assertEqual(plan.currency_id, self.env.ref("base.VND"))
        self.env["saas.plan"].search([]).active = False
        self.assertEqual(self._make_plan("alone").currency_id, self.env.company.currency_id)

    def test_an_update_keeps_everything_shown_that_was(self):
        self.plan.is_shown = self.template.is_shown = False
        self.env.flush_all()
        path = file_path("saas_manager/migrations/19.0.1.4.0/post-offers_stay_shown.py")
        load_script(path, "offers_stay_shown").migrate(self.env.cr, "19.0.1.3.0")
        self.env.invalidate_all()
        self.assertTrue(self.plan.is_shown and self.template.is_shown)

    def test_the_main_language_is_always_english(self):
        self.template.language_ids = self.env.ref("base.lang_de") | self.env.ref("base.lang_fr")
        self.assertEqual(self.template._recipe()["languages"], ["en_US", "de_DE", "fr_FR"])

    def test_ordering_a_template_of_another_country_suggests_the_right_ones(self):
        france, american = self.env.ref("base.fr"), self.template
        american.chart_country_code = "US"
        for country in (self.env.ref("base.us"), self.env["res.country"]):
            self.assertFalse(american._advice(country, self.plan))
        self.assertIn("United States: for a customer of France", american._advice(france, self.plan))
        self.assertIn("chosen in the settings of the new Odoo", american._advice(france, self.plan))
        self._make_template("bakery", name="Bakery", chart_country_code="FR")
        self._make_template("draft", state="draft", name="Draft", chart_country_code="FR")
        elsewhere = self._make_plan("elsewhere", template_ids=american.ids)
        self.assertIn("chosen in the settings of the new Odoo", american._advice(france, elsewhere))
        told = american._advice(france, self.plan)
        self.assertIn("Templates with the country's own: Bakery (bakery).", told)
        self.assertFalse(self._make_template("plain")._advice(france, self.plan))

    def test_a_pool_that_cannot_be_filled_is_reported_once_and_stops_no_build(self):
        self.template.state = "building"
        for _minute in range(2):
            with self._jobs(), patch.object(gateway, "fill_pool", side_effect=TemplateNotFound("shop")):
                self.assertIn("shop", self.template._fill_pool())
        self.assertEqual(self.template.activity_ids.mapped("summary"), ["The pool could not be filled"])
        self.template._enqueue("_fill_pool", "Fill")
        job = self.env["queue.job"].search([("identity_key", "=", self.template._identity_key("_fill_pool"))])
        Job.load(self.env, job.uuid).on_fail({"exc_message": "Broken"})
        self.assertEqual((self.template.state, len(self.template.activity_ids)), ("building", 1))

    def test_a_built_template_keeps_its_code(self):
        self.template.template_version = "1.0.0"
        with self.assertRaisesRegex(UserError, "keeps its code"):
            self._as("administrator", self.template).code = "store"

    def test_before_the_build_the_database_follows_the_code(self):
        template = self._make_template("bakery", "draft")
        self._as("administrator", template).code = "baker"
        self.assertEqual(template.template_db, "template_baker")

    def test_codes_are_unique_slugs(self):
        for code in ("Shop", "my shop", "shop_1", "-shop", ""):
            with self.subTest(code=code), self.assertRaises(ValidationError):
                self._make_template(code, template_db=f"template_{code}")
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self._make_template("shop")

    def test_a_template_with_instances_cannot_be_deleted(self):
        self._make_instance("acme")
        with self.assertRaisesRegex(UserError, "Archive it instead"):
            self._as("administrator", self.template).unlink()
        self.assertTrue(self._as("administrator", self._make_template("bakery")).unlink())

    def test_a_template_that_is_not_ready_cannot_be_cloned(self):
        template = self._make_template("bakery", "draft")
        with self.assertRaisesRegex(UserError, "is not ready"):
            self._as("administrator", template).clone_template_db("bakery-copy")

    def test_the_number_of_spares_is_not_negative(self):
        with self.assertRaises(ValidationError):
            self._as("administrator", self.template).pool_size = -1
