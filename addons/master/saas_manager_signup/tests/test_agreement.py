"""The customer's mails, the page and the API agree about the state of a request at every time."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager_api.tests.common import ApiCase
from odoo.tests import tagged

from tenantry.model.secret import Secret

from .common import SignupCase

_LINK = "http://acme.localhost/saas/login?token=once"
_MAIL = "saas_manager.mail_template_"
_WHY = "relation res_users is broken"


@dataclass(frozen=True)
class Told:
    """The expected answers at one moment."""

    state: str
    """The request's state, which A2 reports, too, unless `a2` differs."""
    a5: str
    page: str
    words: str
    """On the page that a browser gets at any of its addresses."""
    mail: str | None = None
    """The mails that were queued up to this moment."""
    due: str | None = None
    """Which of verify_email and instance_provisioned would still be sent if their jobs ran only now."""
    let_in: bool = False
    error: bool = False
    a2: str | None = None


_UNCONFIRMED = Told(
    "draft", "creating", "unconfirmed", "Look into your mailbox", mail="verify_email", due="verify_email"
)
_CREATING = Told("processing", "creating", "creating", "Preparing your database")
_READY = Told(
    "completed", "ready", "ready", "Your Odoo is ready",
    mail="instance_provisioned", due="instance_provisioned", let_in=True,
)  # fmt: skip
_FAILED = Told("failed", "failed", "failed", "could not be created", mail="provisioning_failed", error=True)
_DELAYED = Told("failed", "creating", "delayed", "takes a little longer", a2="submitted")
_CANCELLED = Told("cancelled", "failed", "gone", "does not exist any more")
_TERMINATED = Told("completed", "failed", "gone", "does not exist any more", mail="instance_terminated")


@tagged("post_install", "-at_install")
class TestAgreement(SignupCase, ApiCase):
    def setUp(self):
        super().setUp()
        self.queued = queued = []
        mails = self.registry["saas.mail.mixin"]
        enqueue = mails._enqueue_mail

        def note(records, template):
            queued.append(template.removeprefix(_MAIL))
            return enqueue(records, template)

        self.patch(mails, "_enqueue_mail", note)
        self.patch(gateway, "login_link", lambda _instance, origin: Secret(_LINK))

    # ------------------------------------------------------------ the courses of a request

    def test_from_the_form_to_the_instance_and_its_termination(self):
        request = self._signed_up()
        self._agree(request, _UNCONFIRMED)
        self._confirm(request)
        self._agree(request, _CREATING)
        self._run_provision(request.instance_id)
        self._agree(request, _READY)
        self._terminate(request)
        self._agree(request, _TERMINATED)

    def test_a_failure_and_a_retry(self):
        request = self._signed_up()
        self._confirm(request)
        self.queued.clear()
        self._break(request)
        self._agree(request, _FAILED)
        self._manage(request, "retry")
        self._agree(request, _CREATING)
        self._run_provision(request.instance_id)
        self._agree(request, _READY)

    def test_a_failure_that_is_cancelled(self):
        request = self._signed_up()
        self._confirm(request)
        self._break(request)
        self.queued.clear()
        with patch.object(gateway, "abandon"):
            self._manage(request, "cancel")
        self._agree(request, _CANCELLED)

    def test_a_draft_that_is_cancelled(self):
        request = self._signed_up()
        self.queued.clear()
        self._manage(request, "cancel")
        self._agree(request, _CANCELLED)

    def test_without_capacity_a_request_waits_and_continues(self):
        request = self._signed_up()
        self.queued.clear()
        self.server.state = "maintenance"
        self._confirm(request)
        self._agree(request, _DELAYED)
        self.server.state = "active"
        with self._jobs():
            request._cron_begin_delayed()
        self._agree(request, _CREATING)
        self._break(request)
        self._agree(request, _FAILED)

    def test_unconfirmed_requests_are_deleted_everywhere(self):
        request = self._signed_up()
        reference = request.reference
        self.env.cr.execute(
            "UPDATE saas_instance_request SET link_sent_at = now() - interval '49 hours' WHERE id = %s",
            [request.id],
        )
        self.env.invalidate_all()
        request._gc_unconfirmed()
        for path in (f"/provisioning/request_status/{reference}", f"/instances/{reference}"):
            self.assertEqual(self._call(path)[0], 404)
        for path in ("state", "sent", "progress"):
            self.assertEqual(self._see(f"/signup/{path}/{reference}").status_code, 404)

    def test_every_state_has_a_text(self):
        request = self._signed_up()
        for state, _name in request._fields["state"].selection:
            with self.subTest(state=state):
                request.state = state
                self.assertEqual(self._call(f"/instances/{request.reference}")[0], 200)
                self.assertEqual(self._see(f"/signup/progress/{request.reference}").status_code, 200)

    def test_the_form_and_the_api_say_the_same_of_a_name_in_each_language(self):
        self._make_instance("acme", "active")
        for name in ("ab", "-acme", "12345", "www", "acme"):
            sentences = set()
            for language in ("en_US", "fr_FR", "vi_VN"):
                self.env["res.lang"]._activate_lang(language)
                spoken = {"Accept-Language": language.replace("_", "-")}
                judged = self._call(f"/provisioning/validate_subdomain?subdomain={name}", **spoken)[1]["data"]
                page = self._see(f"/signup/check?subdomain={name}", headers=spoken).json()
                self.assertEqual(page["sentence"], judged["error"])
                self.assertEqual(page["suggestions"], judged["suggestions"])
                sentences.add(page["sentence"])
            self.assertEqual(len(sentences), 3, sentences)

    # ------------------------------------------------------------ the parties

    def _agree(self, request, expected):
        self.env.flush_all()
        self.env.invalidate_all()
        found = self._told(request, expected.words)
        self.queued.clear()
        self.assertEqual(found, replace(expected, a2=expected.a2 or expected.state))

    def _told(self, request, words):
        reference = request.reference
        long = self._call(f"/provisioning/request_status/{reference}")[1]["data"]
        short = self._call(f"/instances/{reference}")[1]
        self.assertEqual(long["error"], short["error"])
        self.assertLessEqual(len(self.queued), 1)
        return Told(
            state=request.state,
            a2=long["state"],
            a5=short["status"],
            page=self._see(f"/signup/state/{reference}").json()["state"],
            words=self._words(reference, words),
            mail=self.queued[0] if self.queued else None,
            due=self._due(request),
            let_in=self._is_let_in(reference),
            error=bool(short["error"]),
        )

    def _words(self, reference, words):
        """The expected words, if both pages contain them; else all their words."""
        for path in ("sent", "progress"):
            text = self._see(f"/signup/{path}/{reference}").text
            self.assertNotIn(_WHY, text)
            if words not in text:
                return text
        return words

    def _due(self, request):
        mails = [("verify_email", request), ("instance_provisioned", request.instance_id)]
        due = [name for name, record in mails if record and record._is_mail_due(_MAIL + name)]
        self.assertLessEqual(len(due), 1)
        return due[0] if due else None

    def _is_let_in(self, reference):
        answer = self.url_open(f"/signup/enter/{reference}", allow_redirects=False)
        return answer.headers["Location"] == _LINK

    # ------------------------------------------------------------ the events

    def _break(self, request):
        with self._jobs():
            request.instance_id.sudo()._fail(_WHY)

    def _manage(self, request, action):
        with self._jobs():
            path = f"/provisioning/manage_request/{request.reference}"
            status, told = self._call(path, {"action": action})
        self.assertEqual(status, 202, told)

    def _terminate(self, request):
        with ExitStack() as stack:
            stack.enter_context(self._jobs())
            stack.enter_context(patch.object(gateway, "terminate"))
            request.instance_id.sudo().action_terminate()
            request.instance_id.sudo()._operate("terminate")
