"""The packaged SQL: the files of a script, and what no file may contain."""

import re
from importlib import resources

import pytest

from tenantry.errors import UnsupportedSeries
from tenantry.model.series import SERIES
from tenantry.odoo.scripts import customer_admin_script, customize_script, sanitize_script

PURPOSES = {
    "sanitize": sanitize_script,
    "customize": customize_script,
    "customer_admin": customer_admin_script,
}
GIVEN = {
    "base_url",
    "company_name",
    "email",
    "lang",
    "country",
    "template_country",
    "tz",
    "admin_name",
    "admin_password_hash",
    "cron_jitter_s",
    "entitlements",
}


def files():
    for purpose in PURPOSES:
        yield from (resources.files("tenantry.odoo") / purpose).glob("*/*.sql")


def those(wrong):
    """The files of which `wrong` is true, as purpose/series/module.sql."""
    return ["/".join(file.parts[-3:]) for file in files() if wrong(file)]


def statements(file):
    """The text without its comments, as PostgreSQL reads it."""
    return re.sub(r"^\s*--.*$", "", file.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_files_folder_is_a_series_or_all(purpose):
    folder = resources.files("tenantry.odoo") / purpose
    assert {child.name for child in folder.iterdir()} <= {"all", *SERIES}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_file_of_a_series_differs_from_the_one_for_all(purpose):
    folder = resources.files("tenantry.odoo") / purpose
    common = {file.name: file.read_text() for file in (folder / "all").iterdir()}
    for series in SERIES:
        if (folder / series).is_dir():
            same = [f.name for f in (folder / series).iterdir() if common.get(f.name) == f.read_text()]
            assert same == []


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("script", PURPOSES.values())
def test_a_script_is_the_files_of_the_installed_modules(script, series):
    assert "UPDATE res_partner" in script(series, ["base"])
    assert script(series, ["no_such_module"]) == ""
    assert script(series, ["base", "no_such_module"]) == script(series, ["base"])


def test_a_module_that_is_not_installed_adds_nothing():
    assert "stripe_secret_key" not in sanitize_script("19.0", ["base", "payment"])
    assert "stripe_secret_key" in sanitize_script("19.0", ["base", "payment", "payment_stripe"])


def test_base_comes_first_and_the_rest_by_name_however_they_are_given():
    script = sanitize_script("19.0", {"mail", "auth_totp", "base"})
    assert script == sanitize_script("19.0", ["auth_totp", "base", "mail"])
    assert script.startswith(sanitize_script("19.0", ["base"]))
    assert script.index("totp_secret") < script.index("mail_mail")


# What a canary proves of the series that tenants run; of the others nobody runs an Odoo here.
EMPTIED = {
    *("change_password_own", "change_password_wizard", "ir_logging", "ir_mail_server", "ir_profile"),
    *("res_config_settings", "res_users_apikeys", "res_users_identitycheck", "res_users_log"),
    *("auth_totp_device", "bus_bus", "fetchmail_server", "iap_account", "mail_mail"),
    *("payment_token", "sms_sms"),
}
VOIDED = {
    *("ir_attachment.access_token", "ir_act_server.webhook_url", "res_partner.vat", "res_users.password"),
    *("res_users.totp_secret", "payment_provider.stripe_secret_key", "res_partner.signup_type"),
}
ANEW = {"database.secret", "database.uuid", "mail.web_push_vapid_private_key"}
MODULES = ["base", "auth_signup", "auth_totp", "bus", "iap", "mail", "payment", "payment_stripe", "sms"]


@pytest.mark.parametrize("series", SERIES)
def test_what_is_nobodys_but_the_templates_is_stripped_in_every_series(series):
    script = re.sub(r"^\s*--.*$", "", sanitize_script(series, MODULES), flags=re.MULTILINE)
    assert EMPTIED - set(re.findall(r"DELETE FROM (\w+)(?:;|\s+RETURNING)", script)) == set()
    updates = re.findall(r"UPDATE (\w+)\s+SET (.*?)(?:\sWHERE|;)", script, flags=re.DOTALL)
    voided = {f"{table}.{column}" for table, sets in updates for column in re.findall(r"(\w+) = ", sets)}
    assert VOIDED - voided == set()
    assert {key for key in ANEW if f"'{key}'" not in script} == set()


@pytest.mark.parametrize("script", PURPOSES.values())
@pytest.mark.parametrize("series", ["16.0", "saas~18.4", "", "..", "19.0/../18.0"])
def test_another_series_is_refused_with_the_supported_ones(script, series):
    with pytest.raises(UnsupportedSeries) as refused:
        script(series, ["base"])
    assert refused.value.supported == SERIES


def test_every_file_opens_by_saying_why():
    assert those(lambda file: not re.match(r"-- \w", file.read_text())) == []


def test_every_file_ends_its_last_statement():
    assert those(lambda file: not statements(file).endswith(";\n")) == []


def test_no_file_touches_the_schema_or_the_transaction():
    forbidden = r"\b(CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|REASSIGN|BEGIN|COMMIT|ROLLBACK|LOCK|COPY)\b"
    assert those(lambda file: re.search(forbidden, statements(file), re.IGNORECASE)) == []


def test_no_file_has_placeholders():
    assert those(lambda file: re.search(r"%[(s]|\$\d", file.read_text())) == []


def test_no_file_reads_a_setting_that_nobody_makes():
    def reads_unknown(file):
        purpose, folder, _ = file.parts[-3:]
        series = "19.0" if folder == "all" else folder
        scripts = PURPOSES[purpose](series, ["base"]) + file.read_text()
        made = set(re.findall(r"set_config\('tenantry\.(\w+)'", scripts))
        return set(re.findall(r"current_setting\('tenantry\.(\w+)'", file.read_text())) - GIVEN - made

    assert those(reads_unknown) == []


def test_every_file_bears_that_a_value_was_not_given():
    def demands(file):
        return GIVEN.intersection(re.findall(r"current_setting\('tenantry\.(\w+)'\)", file.read_text()))

    assert those(demands) == []
