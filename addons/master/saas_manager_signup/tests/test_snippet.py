"""`/api/signup.js`: a script that other web sites may load."""

from odoo.addons.saas_manager_api.tests.common import ORIGIN, ApiCase
from odoo.tests import tagged

_SENT = ("x-api-key", "content-type", "idempotency-key", "accept-language", "authorization")


@tagged("post_install", "-at_install")
class TestSnippet(ApiCase):
    def test_a_page_of_any_web_site_may_load_it_as_a_module(self):
        answer = self._ask("/signup.js", key=None, Origin="https://unknown.example")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/javascript"))
        self.assertIn("max-age=3600", answer.headers["Cache-Control"])
        self.assertIn("tenantry-signup", answer.text)

    def test_the_script_is_small_when_compressed(self):
        answer = self._ask("/signup.js", key=None, **{"Accept-Encoding": "gzip"})
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertLess(int(answer.headers["Content-Length"]), 10_000)
        plain = self._ask("/signup.js", key=None, **{"Accept-Encoding": "identity"})
        self.assertNotIn("Content-Encoding", plain.headers)
        self.assertEqual(plain.text, answer.text)

    def test_cors_allows_the_headers_that_the_script_sends(self):
        question = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": ",".join(_SENT),
        }
        answer = self._ask("/instances", key=None, method="OPTIONS", Origin=ORIGIN, **question)
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
        self.assertLessEqual(set(_SENT), set(allowed))
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        self.assertTrue(answer.headers["Access-Control-Max-Age"])
        answer = self._ask("/provisioning/plans", key=self.publishable.key, Origin=ORIGIN)
        self.assertIn("Retry-After", answer.headers["Access-Control-Expose-Headers"])
