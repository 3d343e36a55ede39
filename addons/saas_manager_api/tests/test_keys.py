"""Who calls is told by his key."""

import uuid
from datetime import timedelta

from odoo import fields
from odoo.tests import tagged

from .common import ApiCase


@tagged("post_install", "-at_install")
class TestKeys(ApiCase):
    def _status(self, **headers):
        return self._ask("/provisioning/plans", key=None, **headers).status_code

    def test_a_key_is_taken_from_either_header(self):
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

    def test_a_key_for_something_else_does_not_open_the_api(self):
        other = self._make_key(self.users["manager"], scope="something else")
        self.assertEqual(self._status(**{"X-API-Key": other}), 401)

    def test_a_key_that_is_past_its_day_or_whose_user_is_gone_is_refused(self):
        self.users["user"].active = False
        self.assertEqual(self._status(**{"X-API-Key": self.keys["user"]}), 401)
        keys = self.env["res.users.apikeys"].with_user(self.users["manager"]).sudo()
        old = keys._generate("saas", "old", fields.Datetime.now() - timedelta(days=1))
        self.assertEqual(self._status(**{"X-API-Key": old}), 401)

    def test_a_key_that_worked_is_refused_as_soon_as_it_is_deleted_expired_or_its_user_archived(self):
        for end in (
            lambda key, _user: key.unlink(),
            lambda _key, user: user.write({"active": False}),
            lambda key, _user: self.env.cr.execute(
                "UPDATE res_users_apikeys SET expiration_date = now() - interval '1 day' WHERE id = %s",
                key.ids,
            ),
        ):
            user = self.users["user"].copy({"login": f"program-{uuid.uuid4()}", "active": True})
            secret = self._make_key(user)
            key = self.env["res.users.apikeys"].search([("user_id", "=", user.id)])
            for _time in range(2):
                self.assertEqual(self._status(**{"X-API-Key": secret}), 200)
            end(key, user)
            self.assertEqual(self._status(**{"X-API-Key": secret}), 401)

    def test_odoos_dialogue_makes_a_key_that_opens_nothing_else(self):
        keys = self.env["res.users.apikeys"].with_user(self.users["administrator"]).sudo()
        scoped = keys.with_context(key_for_saas=True)._generate(None, "scoped", None)
        whole = keys._generate(None, "whole", None)
        self.assertEqual(self._status(**{"X-API-Key": scoped}), 200)
        self.assertFalse(keys._check_credentials(scope="rpc", key=scoped))
        self.assertTrue(keys._check_credentials(scope="rpc", key=whole))
