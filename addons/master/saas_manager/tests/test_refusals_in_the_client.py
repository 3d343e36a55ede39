"""Through real JSON-RPC: what we raise reaches the web client as a sentence, never as a crash."""

from unittest.mock import patch

from odoo import api
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from tenantry.errors import AgentFailed, Busy, InstanceNotFound, NameTaken, PostgresUnreachable, SealBroken

from .common import SaasCase

_SHOWN_AS_A_SENTENCE = {
    f"odoo.exceptions.{name}" for name in ("UserError", "ValidationError", "AccessError", "MissingError")
}
"""Those of `error_dialogs` in Odoo's client that show nothing but the sentence."""
_SENTENCE = "The name is taken."
_ARGUMENTS = {
    "SubdomainRefused": (_SENTENCE, "taken", ["acme-2"]),
    "SubdomainTaken": (_SENTENCE, "taken", ["acme-2"]),
    "SignupFaults": ({"": _SENTENCE},),
}
"""For the classes that are made from more than a sentence."""
_ANSWER_OF_THE_API = "ApiError"
"""It and its subclasses are raised below the API's own paths alone, which answer with a document."""


def classes_below(base):
    for found in base.__subclasses__():
        yield found
        yield from classes_below(found)


def ours():
    """The classes that may reach the web client, whoever adds them."""
    found = {it for it in classes_below(Exception) if it.__module__.startswith("odoo.addons.saas_manager")}
    return sorted(
        (it for it in found if _ANSWER_OF_THE_API not in {base.__name__ for base in it.__mro__}),
        key=lambda it: it.__name__,
    )


@tagged("post_install", "-at_install")
class TestRefusalsInTheClient(SaasCase, HttpCase):
    def setUp(self):
        super().setUp()
        self.authenticate(self.users["manager"].login, self.users["manager"].login)

    def _call(self, model, method, *arguments, **context):
        """The error of a call of the web client, as its dialogs get it."""
        params = {"model": model, "method": method, "args": arguments, "kwargs": {"context": context}}
        body = {"jsonrpc": "2.0", "method": "call", "params": params}
        self.env.flush_all()
        with mute_logger("odoo.http"):
            return self.url_open("/web/dataset/call_kw", json=body).json()["error"]["data"]

    def _raised(self, error):
        @api.model
        def figures(_self):
            raise error

        with patch.object(type(self.env["saas.dashboard"]), "figures", figures):
            return self._call("saas.dashboard", "figures")

    def _assert_shown(self, data, sentence):
        shown_as = {data["name"], data["context"].get("exception_class")}
        self.assertTrue(shown_as & _SHOWN_AS_A_SENTENCE, data["name"])
        self.assertEqual(data["arguments"][0], sentence)

    def test_each_class_of_our_addons_is_shown_as_its_sentence(self):
        self.assertGreaterEqual(len(ours()), 6)
        for error_class in ours():
            with self.subTest(error_class.__name__):
                error = error_class(*_ARGUMENTS.get(error_class.__name__, (_SENTENCE,)))
                self._assert_shown(self._raised(error), _SENTENCE)

    def test_an_error_of_the_engine_is_shown_as_its_sentence_and_its_remedy(self):
        for error in (InstanceNotFound("acme"), AgentFailed("gone")):
            with self.subTest(type(error).__name__):
                self._assert_shown(self._raised(error), f"{error} {error.remedy}".strip())

    def test_an_error_of_the_engine_is_shown_in_the_user_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.users["manager"].lang = "fr_FR"
        for error, told in (
            (NameTaken("acme"), "Choisissez un autre nom."),
            (SealBroken(), "Un secret enregistré est illisible\N{NO-BREAK SPACE}: il a été chiffré avec"),
            (Busy("build of shop"), "Une autre opération est en cours sur la construction de shop."),
            (PostgresUnreachable("db", "it is down"), "PostgreSQL à db ne répond pas"),
        ):
            with self.subTest(type(error).__name__):
                data = self._raised(error)
                self._assert_shown(data, data["message"])
                self.assertIn(told, data["message"])

    def test_a_value_that_the_engine_refuses_is_refused_in_the_user_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        instance = self._make_instance("acme", "active")
        values = {"instance_id": instance.id, "name": "shop"}
        data = self._call("saas.instance.hostname", "create", [values], lang="fr_FR")
        self._assert_shown(data, data["message"])
        self.assertIn("Indiquez un nom ", data["message"])

    def test_another_error_stays_a_crash(self):
        data = self._raised(ZeroDivisionError("by us"))
        self.assertEqual(data["name"], "builtins.ZeroDivisionError")

    def test_an_operation_that_is_not_possible_is_refused_in_words(self):
        instance = self._make_instance("acme", "active", run_state="stopped")
        data = self._call("saas.instance", "action_restart", instance.ids)
        self._assert_shown(data, "Acme is stopped. Start it first.")
