"""From the link in the mail to the new Odoo."""

from contextlib import contextmanager
from unittest.mock import Mock, patch

from odoo import fields
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.tests.common import engines_are
from odoo.tests import tagged
from odoo.tools import mute_logger

from tenantry.errors import AgentLost
from tenantry.model.secret import Secret

from .common import SignupCase

_LINK = "http://acme.localhost/saas/login?token=once"


@tagged("post_install", "-at_install")
class TestCreation(SignupCase):
    def test_the_link_creates_nothing_and_its_token_does_not_stay_in_the_address(self):
        request = self._signed_up()
        page = self._open_link(request)
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("token", page.url)
        self.assertNotIn(request._token()[:60], page.text)
        self.assertEqual(request.state, "draft")

    def test_the_log_of_requests_does_not_hold_the_token(self):
        with self.assertLogs("werkzeug") as logs:
            self._see("/signup/confirm?token=secretToken")
        self.assertIn("/signup/confirm?token=***", "".join(logs.output))
        self.assertNotIn("secretToken", "".join(logs.output))

    def test_the_button_creates_once(self):
        request = self._signed_up()
        page = self._open_link(request)
        with self._jobs():
            for _press in range(2):
                answer = self._press("/signup/confirm", page)
                self.assertEqual(answer.headers["Location"], f"/signup/progress/{request.reference}")
        self.assertEqual(request.state, "processing")
        self.assertEqual(len(request.partner_id.saas_instance_ids), 1)
        self.assertIn("/signup/progress/", self._open_link(request).url)

    def test_pages_say_an_address_on_another_machine_and_ask_it_nothing(self):
        away = self._make_server("away", address="ssh://away", base_domain="away.example")
        self.template.server_id = away
        with engines_are(_engine_of=Mock(side_effect=AgentLost("it ended"))):
            self.assertIn(".away.example", self._see().text)
            request = self._signed_up()
            sent = self._see(f"/signup/sent/{request.reference}")
            self.assertIn("acme.away.example", sent.text)
            self._confirm(request)
            progress = self._see(f"/signup/progress/{request.reference}")
        self.assertEqual((progress.status_code, request.instance_id.server_id), (200, away))
        policy = progress.headers["Content-Security-Policy"].split("; ")
        (actions,) = [it.split() for it in policy if it.startswith("form-action")]
        self.assertIn(f"{gateway.address_settings()['protocol']}://acme.away.example", actions)

    def test_a_link_that_is_wrong_leads_on(self):
        page = self._see("/signup/confirm?token=AAAA")
        self.assertEqual(page.status_code, 410)
        self.assertIn('href="/signup"', page.text)
        self.assertIn('href="/signup/login"', page.text)

    def test_who_has_confirmed_and_comes_back_by_an_old_link_is_led_to_their_odoo(self):
        request = self._ready()
        old = self._see("/signup/confirm?token=AAAA", allow_redirects=False)
        page = self._see(old.headers["Location"])
        self.assertTrue(page.url.endswith(f"/signup/progress/{request.reference}"), page.url)
        self.assertIn("Open my Odoo", page.text)
        draft = self._signed_up("beta")
        self.assertIn(f"/signup/again/{draft.reference}", self._see("/signup/confirm").text)
        draft.unlink()
        request.instance_id.state = "terminated"
        self.assertEqual(self._see("/signup/confirm").status_code, 410)

    def test_a_visitor_with_a_draft_can_get_a_new_link(self):
        request = self._signed_up()
        page = self._see("/signup/confirm?token=AAAA")
        self.assertIn(f'action="/signup/again/{request.reference}"', page.text)
        self._forget_cookies()
        self.assertNotIn(request.reference, self._see("/signup/confirm?token=AAAA").text)

    def test_a_name_taken_meanwhile_must_be_replaced_and_the_rest_is_kept(self):
        request = self._signed_up()
        self._make_instance("acme", "active")
        page = self._open_link(request)
        self.assertEqual(page.status_code, 409)
        self.assertIn("acme-2", page.text)
        self.assertEqual(self._confirm(request, subdomain="acme").status_code, 409)
        self.assertEqual(request.state, "draft")
        self.assertEqual(self._confirm(request, subdomain="acme-2").status_code, 303)
        self.assertEqual((request.state, request.instance_id.subdomain), ("processing", "acme-2"))
        self.assertEqual(request.instance_id.name, "Acme Ltd")

    def test_losing_a_race_for_a_name_asks_for_another_one(self):
        request = self._signed_up()
        self._make_instance("acme", "active")
        blind = patch.object(self.registry["saas.instance"], "_is_taken", return_value=False)
        with blind, mute_logger("odoo.sql_db"):
            answer = self._confirm(request)
        self.assertEqual(answer.status_code, 409)
        self.assertIn("The subdomain acme is taken.", answer.text)
        self.assertIn("acme-2", answer.text)
        self.assertEqual(request.state, "draft")

    def test_without_capacity_a_signup_waits_operators_are_notified_and_it_continues(self):
        request = self._signed_up()
        self.server.state = "maintenance"
        self.assertEqual(self._confirm(request).status_code, 303)
        page = self._see(f"/signup/progress/{request.reference}")
        self.assertIn("is kept", page.text)
        self.assertEqual((request.state, bool(request.instance_id)), ("failed", False))
        self.assertIn(self.users["administrator"], request.activity_ids.user_id)
        with self._jobs():
            self.env["saas.instance.request"]._cron_begin_delayed()
            self.assertEqual(request.state, "failed")
            self.server.state = "active"
            self.env["saas.instance.request"]._cron_begin_delayed()
        self.assertEqual(request.state, "processing")

    def test_a_waiting_signup_keeps_its_name(self):
        request = self._signed_up()
        self.server.state = "maintenance"
        self._confirm(request)
        self.assertFalse(self._see("/signup/check?subdomain=acme").json()["available"])
        self.assertEqual(self._send(customer_email="bob@acme.example").status_code, 422)
        self.server.state = "active"
        with self._jobs():
            self.env["saas.instance.request"]._cron_begin_delayed()
        self.assertEqual((request.state, request.instance_id.subdomain), ("processing", "acme"))

    def test_operators_are_notified_once_of_another_reason(self):
        request = self._signed_up()
        self.server.state = "maintenance"
        self._confirm(request)
        self.server.state = "active"
        self._make_instance("acme", "active")
        with self._jobs():
            for _run in range(2):
                self.env["saas.instance.request"]._cron_begin_delayed()
        told = request.activity_ids.filtered(lambda it: it.user_id == self.users["administrator"])
        self.assertEqual(len(told), 1)
        self.assertIn("acme is taken", told.note)

    def test_an_offer_changed_meanwhile_is_reported_to_operators(self):
        request = self._signed_up()
        self.plan.template_ids = self._make_template("other")
        self.assertEqual(self._confirm(request).status_code, 303)
        self.assertIn("is kept", self._see(f"/signup/progress/{request.reference}").text)
        self.assertIn("does not include", request.activity_ids[:1].note)

    def test_the_page_shows_the_steps_of_the_request(self):
        request = self._signed_up()
        self.assertEqual(self._state(request)["state"], "unconfirmed")
        self._confirm(request)
        self.assertEqual(self._state(request)["state"], "creating")
        self._log(request, "sanitize", 40)
        told = self._state(request)
        self.assertEqual((told["percent"], told["stage"], told["sentence"]), (40, 1, "Making it yours"))
        page = self._see(f"/signup/progress/{request.reference}").text
        self.assertIn('aria-valuenow="40"', page)
        self.assertIn('http-equiv="refresh"', page)
        self._run_provision(request.instance_id)
        self.assertEqual((self._state(request)["state"], request._short_state()), ("ready", "ready"))
        self.assertEqual(self._see("/signup/state/nothing").status_code, 404)

    def test_a_failure_is_shown_without_technical_details(self):
        request = self._signed_up()
        self._confirm(request)
        with self._jobs():
            request.instance_id.sudo()._fail("relation res_users is broken")
        page = self._see(f"/signup/progress/{request.reference}").text
        self.assertIn("have been told about it", page)
        self.assertNotIn("res_users", page)
        self.assertEqual(self._state(request)["state"], "failed")
        self.assertIn('class="sign bad"', self._see(f"/signup/progress/{request.reference}").text)

    def test_the_browser_that_confirmed_is_logged_in_with_a_post(self):
        request = self._ready()
        with self._links():
            for method, status in (("POST", 307), ("GET", 303)):
                answer = self._enter(request, method)
                self.assertEqual((answer.status_code, answer.headers["Location"]), (status, _LINK))
                self.assertEqual(answer.headers["Referrer-Policy"], "strict-origin")

    def test_another_browser_is_not_logged_in_and_gets_the_address(self):
        request = self._ready()
        self._forget_cookies()
        with self._links():
            for method in ("POST", "GET"):
                answer = self._enter(request, method)
                self.assertIn(f"/signup/progress/{request.reference}", answer.headers["Location"])
        page = self._see(f"/signup/progress/{request.reference}").text
        self.assertIn("http://acme.localhost", page)
        self.assertNotIn("data-enter", page)

    def test_without_a_login_link_the_page_does_not_loop(self):
        request = self._ready()
        with patch.object(gateway, "login_link", side_effect=gateway.EngineError("It is down.")):
            answer = self._enter(request)
        page = self._see(answer.headers["Location"]).text
        self.assertIn('data-stay="1"', page)
        self.assertIn("Open my Odoo", page)

    def test_nobody_is_logged_in_after_an_hour(self):
        request = self._ready()
        request.instance_id.activated_at = fields.Datetime.subtract(fields.Datetime.now(), minutes=61)
        with self._links():
            self.assertIn("/signup/progress/", self._enter(request).headers["Location"])

    def test_nobody_is_logged_in_before_the_instance_is_ready_or_while_it_is_suspended(self):
        request = self._signed_up()
        self._confirm(request)
        with self._links():
            self.assertIn("/signup/progress/", self._enter(request).headers["Location"])
            self._run_provision(request.instance_id)
            request.instance_id.state = "suspended"
            self.assertIn("/signup/progress/", self._enter(request).headers["Location"])

    def test_an_unconfirmed_request_is_deleted_and_its_page_offers_to_begin_again(self):
        request = self._signed_up()
        reference, token = request.reference, request._token()
        self.env.cr.execute(
            "UPDATE saas_instance_request SET link_sent_at = now() - interval '49 hours' WHERE id = %s",
            [request.id],
        )
        self.env.invalidate_all()
        self.env["saas.instance.request"]._gc_unconfirmed()
        self.assertIn('href="/signup"', self._see(f"/signup/sent/{reference}").text)
        self.assertEqual(self._see(f"/signup/confirm?token={token}").status_code, 410)

    def test_a_link_sent_again_is_valid_as_long_as_the_first(self):
        request = self._signed_up()
        request.link_sent_at = fields.Datetime.subtract(fields.Datetime.now(), hours=49)
        self._press(f"/signup/again/{request.reference}", self._see(f"/signup/sent/{request.reference}"))
        self.env["saas.instance.request"]._gc_unconfirmed()
        self.assertEqual(self._open_link(request).status_code, 200)

    # ------------------------------------------------------------

    def _ready(self):
        request = self._signed_up()
        self._confirm(request)
        self._run_provision(request.instance_id)
        return request

    @contextmanager
    def _links(self):
        with patch.object(gateway, "login_link", lambda _instance, origin: Secret(_LINK)):
            yield

    def _enter(self, request, method="POST"):
        self.env.flush_all()
        path = f"/signup/enter/{request.reference}"
        return self.url_open(path, method=method, allow_redirects=False)

    def _state(self, request):
        self.env.invalidate_all()
        return self._see(f"/signup/state/{request.reference}").json()

    def _log(self, request, step, progress):
        values = {"instance_id": request.instance_id.id, "step": step, "progress": progress, "message": step}
        self.env["saas.instance.log"].create(values)
