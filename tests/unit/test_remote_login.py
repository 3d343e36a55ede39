"""The login to a master: valid addresses, and a key that is stored privately and never shown."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tenantry.errors import InvalidSetting
from tenantry.model.secret import Secret
from tenantry.remote.errors import InsecureAddress, InvalidAddress, InvalidKey, LoginDamaged
from tenantry.remote.login import Login, LoginSettings, api_key, master_address

_KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def settings(tmp_path: Path) -> LoginSettings:
    return LoginSettings.from_environment({"TENANTRY_CONFIG": str(tmp_path / "config")})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://office.example.com", "https://office.example.com"),
        ("https://office.example.com/", "https://office.example.com"),
        (" https://office.example.com/api/ ", "https://office.example.com"),
        ("https://office.example.com:8443", "https://office.example.com:8443"),
        ("http://localhost:8070", "http://localhost:8070"),
        ("http://office.localhost", "http://office.localhost"),
        ("http://127.0.0.2:8070", "http://127.0.0.2:8070"),
        ("http://[::1]:8070", "http://[::1]:8070"),
    ],
)
def test_an_address_is_taken_without_its_path(text: str, address: str):
    assert master_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "office.example.com",
        "ftp://office.example.com",
        "https://",
        "https://office.example.com/web",
        "https://office.example.com?a=b",
        "https://office.example.com:port",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(InvalidAddress):
        master_address(text)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(InvalidAddress) as error:
        master_address("https://ann:s3cret@office.example.com")
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["http://office.example.com", "http://10.0.0.1:8070", "http://localhost.example"]
)
def test_a_key_is_not_sent_in_clear_to_another_machine_unless_told_so(text: str):
    with pytest.raises(InsecureAddress):
        master_address(text)
    assert master_address(text, insecure=True) == text


@pytest.mark.parametrize("text", ["", "short", "with a space in the middle of it", "é" * 40, "a" * 300])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(text: str):
    with pytest.raises(InvalidKey) as error:
        api_key(text)
    assert not text or text not in f"{error.value} {error.value.remedy}"


def test_a_login_is_kept_for_its_owner_only(settings: LoginSettings):
    assert settings.current() is None
    settings.keep(Login("https://office.example.com", Secret(_KEY), "Ann"))
    assert settings.current() == Login("https://office.example.com", Secret(_KEY), "Ann")
    assert stat.S_IMODE(settings.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.folder.stat().st_mode) == 0o700
    assert list(settings.folder.iterdir()) == [settings.file]


def test_a_second_login_replaces_the_first_and_a_logout_forgets_it(settings: LoginSettings):
    settings.keep(Login("https://one.example.com", Secret(_KEY)))
    settings.keep(Login("https://two.example.com", Secret(_KEY)))
    found = settings.current()
    assert found
    assert found.url == "https://two.example.com"
    assert settings.forget()
    assert settings.current() is None
    assert not settings.forget()


def test_a_folder_that_was_there_keeps_its_rights(tmp_path: Path):
    tmp_path.chmod(0o755)
    LoginSettings(folder=tmp_path).keep(Login("https://office.example.com", Secret(_KEY)))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"url": "u", "key": 7, "user": ""})])
def test_a_damaged_login_is_an_error_with_a_remedy(settings: LoginSettings, text: str):
    settings.folder.mkdir()
    settings.file.write_text(text)
    with pytest.raises(LoginDamaged) as error:
        settings.current()
    assert "tenantry logout" in error.value.remedy


def test_the_environment_wins_over_the_file(settings: LoginSettings):
    settings.keep(Login("https://file.example.com", Secret(_KEY)))
    environment = {"TENANTRY_CONFIG": str(settings.folder), "TENANTRY_MASTER": "https://env.example.com"}
    found = LoginSettings.from_environment({**environment, "TENANTRY_API_KEY": _KEY}).current()
    assert found == Login("https://env.example.com", Secret(_KEY))
    with pytest.raises(InvalidSetting, match="TENANTRY_API_KEY"):
        LoginSettings.from_environment(environment).current()
    key_alone = {"TENANTRY_CONFIG": str(settings.folder), "TENANTRY_API_KEY": _KEY}
    found = LoginSettings.from_environment(key_alone).current()
    assert found
    assert found.url == "https://file.example.com"


def test_nothing_prints_the_key():
    login = Login("https://office.example.com", Secret(_KEY), "Ann")
    settings = LoginSettings.from_environment({"TENANTRY_API_KEY": _KEY, "TENANTRY_CONFIG": "/none"})
    assert _KEY not in f"{login!r} {login} {login.place} {settings!r}"
