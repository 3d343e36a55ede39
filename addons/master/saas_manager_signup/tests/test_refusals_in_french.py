"""Each refusal that a stranger can cause at the signup is in the language of their page."""

from lxml import html
from odoo.tests import tagged
from odoo.tools.translate import code_translations

from .common import SignupCase

_WEB_ADDRESS = "Win at https://evil.example"
_NO_WEB_ADDRESS = "Please type a name only, without a web address."
_A_NAME = "This cannot be a name: please use "
_OF_A_FIELD = (
    ({"company_name": ""}, "What is your company called?"),
    ({"company_name": _WEB_ADDRESS}, _NO_WEB_ADDRESS),
    ({"customer_name": ""}, "What is your name?"),
    ({"customer_name": _WEB_ADDRESS}, _NO_WEB_ADDRESS),
    ({"customer_email": "nowhere"}, "Please type an email address such as ann@company.com."),
    (
        {"customer_email": "ann@mailinator.com"},
        "Please use an address you keep: this one belongs to a throw-away mailbox.",
    ),
    ({"country": "QX"}, "Please choose your country."),
    ({"plan": "nothing"}, "Please choose a plan."),
    ({"template": "nothing"}, "Please choose what to start from."),
    ({"subdomain": ""}, "Choose the address of your Odoo."),
    ({"subdomain": "ab"}, f"{_A_NAME}at least 3 characters."),
    (
        {"subdomain": "-acme"},
        f"{_A_NAME}only the letters a to z, digits, and single dashes between them.",
    ),
    ({"subdomain": "12345"}, f"{_A_NAME}at least one letter."),
    ({"subdomain": "www"}, "The subdomain %(name)s is taken: it is reserved."),
    ({"subdomain": "dupont"}, "The subdomain %(name)s is taken."),
)
_OF_THE_FORM = (
    ({"homepage": "https://evil.example"}, "This could not be accepted. Please send it once more."),
    ({"opened": "forged"}, "This page was open for a long time. Please send it once more."),
)


@tagged("post_install", "-at_install")
class TestRefusalsInFrench(SignupCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["saas.api.count"].search([]).unlink()
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls._make_instance("dupont", "active")

    def setUp(self):
        super().setUp()
        self._see("/signup?lang=fr")

    def _assert_told(self, answer, status, term, **facts):
        """The French of the term, and not the term itself, stands in the page."""
        self.assertEqual(answer.status_code, status)
        page = " ".join(html.fromstring(answer.text).text_content().split())
        self.assertIn(" ".join((self._french(term) % facts).split()), page)
        self.assertNotIn(term % facts, page)

    def _french(self, term):
        for addon in ("saas_manager_signup", "saas_manager"):
            found = code_translations.get_python_translations(addon, "fr_FR").get(term)
            if found:
                return found
        return self.fail(f"{term} has no French")

    def test_what_is_wrong_with_a_field(self):
        for typed, term in _OF_A_FIELD:
            with self.subTest(typed):
                self._assert_told(self._send(**typed), 422, term, name=typed.get("subdomain"))

    def test_a_plan_without_the_template(self):
        other = self._make_template("cafe")
        self.plan.template_ids = self.template
        facts = {"plan": self.plan.name, "template": other.name}
        answer = self._send(template=other.code)
        self._assert_told(answer, 422, "The plan %(plan)s does not include %(template)s.", **facts)

    def test_a_form_that_a_program_may_have_sent(self):
        for typed, term in _OF_THE_FORM:
            with self.subTest(typed):
                self._assert_told(self._send(**typed), 422, term)
        self.parameters.set_param("saas_signup.minimum_s", "60")
        self._assert_told(self._send(), 422, "That was very fast. Please send it once more.")
        self.parameters.set_param("saas_captcha.enabled", "True")
        term = "Please wait until the check above the button is done, then send it once more."
        self._assert_told(self._send(), 422, term)

    def test_too_many_forms(self):
        self.parameters.set_param("saas_signup.per_address_per_hour", "1")
        self._signed_up()
        answer = self._send("other", customer_email="eve@acme.example")
        self._assert_told(answer, 422, "That was a lot at once. Please try again in an hour.")

    def test_the_check_while_the_name_is_typed(self):
        told = self._see("/signup/check?subdomain=ab").json()["sentence"]
        self.assertEqual(told, self._french(f"{_A_NAME}at least 3 characters."))

    def test_an_address_at_which_there_is_no_odoo(self):
        answer = self._press("/signup/login", self._see("/signup/login"), subdomain="nobody-there")
        self._assert_told(answer, 404, "There is no Odoo at this address. Please look at it once more.")
