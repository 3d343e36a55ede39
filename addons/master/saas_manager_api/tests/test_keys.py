"""Callers are identified by their keys."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import Form, tagged

from .common import ApiCase


@tagged("post_install", "-at_install")
class TestKeys(ApiCase):
    def _status(self, **headers):
        return self._ask("/provisioning/plans", key=None, **headers).status_code

    def test_a_key_is_accepted_in_either_header(self):
        key = self.keys["user"]
        self.assertEqual(self._status(Authorization=f"Bearer {key}"), 200)
        self.assertEqual(self._status(Authorization=f"bearer {key}"), 200)
        self.assertEqual(self._status(**{"X-API-Key": key}), 200)

    def test_no_key_a_wrong_one_and_two_different_ones_are_refused(self):
        key = self.keys["user"]
        for headers in (
            {},
            {"X-API-Key": ""},
            {"X-API-Key": key[:-1] + ("0" if key[-1] != "0" else "1")},
            {"X-API-Key": "pk_0000000000000000000000"},
            {"Authorization": f"Basic {key}"},
            {"Authorization": f"Bearer {key}", "X-API-Key": self.keys["manager"]},
        ):
            with self.subTest(headers=headers):
                answer = self._ask("/provisioning/plans", key=None, **headers)
                self.assertEqual((answer.status_code, answer.json()["error_code"]), (401, "UNAUTHORIZED"))
                self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")

    def _press(self, model, method, *arguments, **context):
        params = {"model": model, "method": method, "args": arguments, "kwargs": {"context": context}}
        return self.make_jsonrpc_request(f"/web/dataset/call_kw/{model}/{method}", params)

    def test_creating_a_key_requires_the_password(self):
        """The wizard, as the browser calls it, long after the login."""
        self.authenticate("saas-manager", "saas-manager")
        dialogue = "res.users.apikeys.description"
        made = self._press(dialogue, "create", [{"name": "Mine", "duration": "1", "is_for_saas": True}])
        asked = self._press(dialogue, "make_key", made)
        self.assertEqual(asked["res_model"], "res.users.identitycheck")
        shown = self._press(asked["res_model"], "run_check", [asked["res_id"]], password="saas-manager")
        self.assertEqual(self._status(**{"X-API-Key": shown["context"]["default_key"]}), 200)
        self.assertTrue(shown["context"]["default_is_for_saas"])
        tomorrow = fields.Date.today() + timedelta(days=1)
        self.assertTrue(shown["context"]["default_expires_at"].startswith(str(tomorrow)))

    def test_the_dialogue_proposes_a_key_that_lasts_and_says_what_it_may_do(self):
        keys = self.env["res.users.apikeys.description"]
        form = Form(keys)
        self.assertEqual(form.duration, "1")
        form.is_for_saas = True
        self.assertEqual(form.duration, "90")
        form.duration = "7"
        form.is_for_saas = False
        form.is_for_saas = True
        self.assertEqual(form.duration, "7", "it was chosen")
        shown = self.env["res.users.apikeys.show"].get_view(view_type="form")["arch"]
        for text in ("valid for the REST API alone", "Valid until", "CopyClipboardChar"):
            self.assertIn(text, shown)

    def test_a_key_with_another_scope_is_not_accepted(self):
        other = self._make_key(self.users["manager"], scope="something else")
        self.assertEqual(self._status(**{"X-API-Key": other}), 401)

    def test_an_expired_key_or_one_of_a_deleted_user_is_refused(self):
        self.users["user"].active = False
        self.assertEqual(self._status(**{"X-API-Key": self.keys["user"]}), 401)
        keys = self.env["res.users.apikeys"].with_user(self.users["manager"]).sudo()
        old = keys._generate("saas", "old", fields.Datetime.now() - timedelta(days=1))
        self.assertEqual(self._status(**{"X-API-Key": old}), 401)

    def test_a_used_key_can_be_revoked_at_once(self):
        keys = self.env["res.users.apikeys"].with_user(self.users["user"]).sudo()
        of_key = "UPDATE res_users_apikeys SET {} WHERE id = %s"
        for end in (
            "DELETE FROM res_users_apikeys WHERE id = %s",
            of_key.format("expiration_date = now() - interval '1 day'"),
            of_key.format("scope = 'something else'"),
            of_key.format("key = (SELECT max(key) FROM res_users_apikeys WHERE name = 'test')"),
            "UPDATE res_users u SET active = false"
            " FROM res_users_apikeys k WHERE k.id = %s AND u.id = k.user_id",
        ):
            with self.subTest(end=end):
                key = keys._generate("saas", "used", None)
                row = keys.search([("name", "=", "used")], order="id desc", limit=1).id
                self.assertEqual([self._status(**{"X-API-Key": key}) for _time in range(2)], [200, 200])
                self.env.cr.execute(end, [row])
                self.env.invalidate_all()
                self.assertEqual(self._status(**{"X-API-Key": key}), 401)

    def test_a_key_is_verified_once(self):
        key, keys = self._make_key(self.users["manager"]), self.registry["res.users.apikeys"]
        proving = patch.object(keys, "_check_credentials", autospec=True, side_effect=keys._check_credentials)
        with proving as proof:
            for _time in range(3):
                self.assertEqual(self._status(**{"X-API-Key": key}), 200)
        self.assertEqual(proof.call_count, 1)

    def test_odoo_s_wizard_can_limit_a_key_to_the_api(self):
        keys = self.env["res.users.apikeys"].with_user(self.users["administrator"]).sudo()
        scoped = keys.with_context(key_for_saas=True)._generate(None, "scoped", None)
        whole = keys._generate(None, "whole", None)
        self.assertEqual(self._status(**{"X-API-Key": scoped}), 200)
        self.assertFalse(keys._check_credentials(scope="rpc", key=scoped))
        self.assertTrue(keys._check_credentials(scope="rpc", key=whole))
