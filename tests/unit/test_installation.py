"""Finding Odoo: its version, the order of the resolvers, and their reasons."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tenantry.errors import OdooNotFound, ProgramFailed
from tenantry.odoo.finding import candidate, checkout, debian, installed, python_environment
from tenantry.odoo.finding.candidate import Candidate, Passed, Search
from tenantry.odoo.finding.installation import RESOLVERS, OdooInstallation, find_odoo
from tenantry.odoo.finding.python_environment import digest, read_lock
from tenantry.odoo.finding.release import Release, read_release
from tenantry.odoo.finding.tested import REMEDY, TESTED
from tenantry.settings import ServerSettings

RELEASE = """\
RELEASE_LEVELS = [ALPHA, BETA, RELEASE_CANDIDATE, FINAL] = ['alpha', 'beta', 'candidate', 'final']
RELEASE_LEVELS_DISPLAY = {{ALPHA: 'a', BETA: 'b', RELEASE_CANDIDATE: 'rc', FINAL: ''}}
version_info = {version_info}
series = serie = major_version = '.'.join(str(s) for s in version_info[:2])
version = series + RELEASE_LEVELS_DISPLAY[version_info[3]] + str(version_info[4] or '') + version_info[5]
raise SystemExit("Odoo must not be imported")
"""


def make_source(folder: Path, version_info: str = "(19, 0, 0, FINAL, 0, '')", extra: str = "") -> Path:
    """A folder that looks like a checkout of Odoo."""
    (folder / "odoo" / "addons" / "base").mkdir(parents=True)
    (folder / "odoo" / "addons" / "base" / "__manifest__.py").write_text("{}")
    (folder / "addons" / "sale").mkdir(parents=True)
    (folder / "addons" / "sale" / "__manifest__.py").write_text("{}")
    (folder / "odoo" / "release.py").write_text(RELEASE.format(version_info=version_info) + extra)
    (folder / "odoo-bin").write_text(f"#!{sys.executable}\n")
    return folder


@pytest.fixture
def source(tmp_path):
    return make_source(tmp_path / "source")


@pytest.fixture
def settings(tmp_path):
    return ServerSettings.at(tmp_path / "home", tmp_path / "cache")


@pytest.fixture(autouse=True)
def every_python_runs_odoo(monkeypatch):
    for module in (checkout, installed):
        monkeypatch.setattr(module, "runs_odoo", lambda python: True)


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The only folder of PATH; it has only the programs that are needed to run others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    setpriv = shutil.which("setpriv")
    if setpriv:
        (folder / "setpriv").symlink_to(setpriv)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def add_program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)
    return program


def add_debian(settings: ServerSettings, lock: str, version: str = TESTED["19.0"][0]) -> Path:
    """The files of a finished download in the cache."""
    folder = settings.installation.cache / "odoo" / f"19.0-{version}-abc"
    found = make_source(folder / "root/usr/lib/python3/dist-packages")
    (found / "odoo-bin").unlink()
    add_program(folder / "venv/bin", "python", "")
    facts = {"lock": digest(lock), "packages": [f"odoo-19={version}", "fonts-ocr-b=0.3.1"]}
    (folder / "ready").write_text(json.dumps(facts))
    return folder


def nothing(line: str) -> None: ...


# ---------------------------------------------------------------- the version


@pytest.mark.parametrize(
    ("version_info", "release"),
    [
        ("(19, 0, 0, FINAL, 0, '')", Release("19.0", "19.0")),
        ("(19, 0, 0, RELEASE_CANDIDATE, 2, '')", Release("19.0", "19.0rc2")),
        ("('saas~19', 1, 0, FINAL, 0, '')", Release("saas~19.1", "saas~19.1")),
        ("(19, 0, 0, FINAL, 0, 'e')", Release("19.0", "19.0e")),
    ],
)
def test_the_version_is_read_without_running_odoos_code(tmp_path, version_info, release):
    assert read_release(make_source(tmp_path / "odoo19", version_info)) == release


def test_a_nightly_package_says_its_date(tmp_path):
    found = make_source(tmp_path / "nightly", extra="version = '19.0-20261101'\n")
    assert read_release(found) == Release("19.0", "19.0-20261101")


@pytest.mark.parametrize("text", ["", "version_info = (19,)", "version_info = load()", "this is not Python"])
def test_a_release_file_without_a_version_is_passed_over(source, text):
    (source / "odoo" / "release.py").write_text(text)
    with pytest.raises(Passed, match="names no version_info"):
        read_release(source)


# ---------------------------------------------------------------- the order


def test_the_operators_source_is_asked_first_and_the_network_last():
    assert [name for name, _ in RESOLVERS] == [
        "ODOO_SOURCE",
        "an importable odoo",
        "odoo on PATH",
        "Debian's package",
        "the official repository",
    ]


def resolver(outcome):
    def resolve(search):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return resolve


def test_the_first_that_offers_an_odoo_wins_and_later_ones_are_not_asked(settings, source, caplog):
    offered = Candidate(Path(sys.executable), source, source / "odoo-bin", "found")
    resolvers = [
        ("first", resolver(Passed("not here"))),
        ("second", resolver(offered)),
        ("third", resolver(AssertionError("asked"))),
    ]
    lines = []
    with caplog.at_level("INFO"):
        odoo = find_odoo(settings, lines.append, resolvers=resolvers)
    assert odoo.reason == "found"
    assert lines[0] == f"Odoo 19.0: found, {source}"
    assert "Odoo: not first: not here" in caplog.text


def test_a_resolver_that_fails_gives_its_reason_and_the_next_is_asked(settings, source):
    offered = Candidate(Path(sys.executable), source, source / "odoo-bin", "found")
    failures = [ProgramFailed("apt-get", 100, "no network"), PermissionError(13, "Permission denied")]
    lines = []
    resolvers = [("a", resolver(failures[0])), ("b", resolver(failures[1])), ("c", resolver(offered))]
    find_odoo(settings, lines.append, resolvers=resolvers)
    assert lines[0] == "Odoo: not a: apt-get ended with 100: no network"
    assert "Permission denied" in lines[1]


def test_an_odoo_of_another_series_is_passed_over(settings, tmp_path):
    other = make_source(tmp_path / "older", "(18, 0, 0, FINAL, 0, '')")
    offered = Candidate(Path(sys.executable), other, other / "odoo-bin", "found")
    with pytest.raises(OdooNotFound) as caught:
        find_odoo(settings, nothing, resolvers=[("only", resolver(offered))])
    assert caught.value.searched == (f"only: {other} is Odoo 18.0",)


def test_when_none_has_odoo_every_reason_is_told(settings, path):
    with pytest.raises(OdooNotFound) as caught:
        find_odoo(settings, nothing, install=False)
    assert caught.value.searched == (
        "ODOO_SOURCE: not set",
        "an importable odoo: python3 is not on PATH",
        "odoo on PATH: no odoo or odoo-bin",
        "Debian's package: not downloaded yet",
        "the official repository: not cloned yet",
    )
    assert not settings.installation.cache.exists()


# ---------------------------------------------------------------- the tested ones


def found_in_cache(settings: ServerSettings, version: str) -> list[str]:
    """The report when Debian's package of that version is found."""
    lines = []
    add_debian(settings, read_lock("19.0"), version)
    odoo = find_odoo(settings, lines.append, install=False)
    assert odoo.version == version
    return lines


def test_a_tested_odoo_is_taken_without_a_warning(settings, path):
    assert "Warning" not in found_in_cache(settings, TESTED["19.0"][0])[-1]


def test_another_odoo_is_taken_with_a_warning_and_a_remedy(settings, path):
    warning = found_in_cache(settings, "19.0.0+dfsg-99")[-1]
    assert warning.startswith("Warning: Odoo 19.0.0+dfsg-99 was not tested")
    assert TESTED["19.0"][0] in warning
    assert REMEDY in warning


def test_a_checkout_is_no_tested_odoo_though_its_series_is(settings, source):
    lines = []
    offered = Candidate(Path(sys.executable), source, source / "odoo-bin", "found")
    find_odoo(settings, lines.append, resolvers=[("only", resolver(offered))])
    assert lines[-1].startswith("Warning: Odoo 19.0 was not tested")


def test_the_version_of_an_odoo_that_debians_package_installed_is_the_packages(settings, source, path):
    add_program(path, "python3", f"#!/bin/sh\necho {path}/python3\necho {source}/odoo/release.py\n")
    add_program(path, "odoo", "")
    dpkg = f"""#!/bin/sh
case "$*" in
  "--search {source}/odoo/release.py") echo odoo-19: {source}/odoo/release.py ;;
  "--show --showformat="*" odoo-19") printf 19.0.0+dfsg-1 ;;
  *) exit 1 ;;
esac
"""
    add_program(path, "dpkg-query", dpkg)
    assert installed.from_python(search(settings)).version == "19.0.0+dfsg-1"


# ---------------------------------------------------------------- ODOO_SOURCE


def search(settings: ServerSettings, **changes) -> Search:
    return Search(
        ServerSettings.at(settings.home, settings.installation.cache, **changes), nothing, install=False
    )


def test_a_checkout_with_its_own_venv_runs_in_it(settings, source, path):
    python = add_program(source / ".venv/bin", "python", "")
    found = checkout.from_setting(search(settings, odoo_source=source))
    assert (found.python, found.program) == (python, source / "odoo-bin")


def test_a_checkout_without_a_venv_runs_in_the_python_on_path(settings, source, path):
    python = add_program(path, "python3", "")
    assert checkout.from_setting(search(settings, odoo_source=source)).python == python


def test_a_checkout_no_python_can_run_is_passed_over_when_nothing_may_be_made(
    settings, source, path, monkeypatch
):
    monkeypatch.setattr(checkout, "runs_odoo", lambda python: False)
    with pytest.raises(Passed, match="requirements"):
        checkout.from_setting(search(settings, odoo_source=source))


def test_an_odoo_source_of_another_series_says_so(settings, tmp_path):
    other = make_source(tmp_path / "older", "(18, 0, 0, FINAL, 0, '')")
    with pytest.raises(Passed, match=r"is Odoo 18\.0"):
        checkout.from_setting(search(settings, odoo_source=other))


def test_an_odoo_source_that_is_no_checkout_says_what_is_missing(settings, tmp_path):
    with pytest.raises(Passed, match=r"release\.py cannot be read"):
        checkout.from_setting(search(settings, odoo_source=tmp_path))


# ---------------------------------------------------------------- on the machine


def test_an_odoo_that_python3_can_import_is_found(settings, source, path):
    origin = source / "odoo" / "release.py"
    add_program(path, "python3", f"#!/bin/sh\necho {path}/python3.11\necho {origin}\n")
    program = add_program(path, "odoo", "")
    found = installed.from_python(search(settings))
    assert (found.python, found.source, found.program) == (path / "python3.11", source, program)


def test_a_python3_without_odoo_is_passed_over(settings, path):
    add_program(path, "python3", "#!/bin/sh\nexit 1\n")
    with pytest.raises(Passed, match="cannot import odoo"):
        installed.from_python(search(settings))


def test_an_odoo_bin_linked_from_path_leads_to_its_checkout(settings, source, path):
    (source / "odoo-bin").chmod(0o755)
    (path / "odoo-bin").symlink_to(source / "odoo-bin")
    found = installed.from_path(search(settings))
    assert (found.source, found.python) == (source, Path(sys.executable))


def test_an_odoo_on_path_that_is_no_python_script_is_passed_over(settings, path):
    add_program(path, "odoo", "#!/bin/sh\n")
    with pytest.raises(Passed, match="no Python script"):
        installed.from_path(search(settings))


def test_an_odoo_whose_python_lacks_its_requirements_is_passed_over(settings, source, path, monkeypatch):
    monkeypatch.setattr(installed, "runs_odoo", lambda python: False)
    (source / "odoo-bin").chmod(0o755)
    (path / "odoo-bin").symlink_to(source / "odoo-bin")
    with pytest.raises(Passed, match="lacks Odoo's requirements"):
        installed.from_path(search(settings))


def test_a_python_that_does_not_start_does_not_run_odoo(tmp_path):
    assert not candidate.runs_odoo(tmp_path / "no-python")


# ---------------------------------------------------------------- Debian's package


def test_a_finished_download_is_found_without_apt_or_network(settings, path):
    folder = add_debian(settings, read_lock("19.0"))
    found = debian.from_debian(search(settings))
    assert found.python == folder / "venv/bin/python"
    assert found.program == folder / "root/usr/bin/odoo"


def test_a_download_made_from_another_lock_is_not_used(settings, path):
    add_debian(settings, "an older lock")
    with pytest.raises(Passed, match="not downloaded yet"):
        debian.from_debian(search(settings))


def test_an_interrupted_download_is_not_used(settings, path):
    (add_debian(settings, read_lock("19.0")) / "ready").unlink()
    with pytest.raises(Passed, match="not downloaded yet"):
        debian.from_debian(search(settings))


def test_a_machine_without_apt_is_told_so(settings, path):
    with pytest.raises(Passed, match="apt-get, apt-cache, dpkg-deb is not on this machine"):
        debian.from_debian(Search(settings, nothing))


def test_a_series_without_a_lock_is_not_tried(settings):
    with pytest.raises(Passed, match="no requirements lock"):
        debian.from_debian(search(settings, odoo_series="18.0"))


def test_a_python_odoo_does_not_know_is_not_used(path, monkeypatch):
    monkeypatch.setattr(python_environment.sys, "version_info", (3, 14, 0))
    known = add_program(path, "python3.12", "")
    assert python_environment.suitable_python() == known


# ---------------------------------------------------------------- the installation


@pytest.fixture
def odoo(settings, source):
    python = add_program(source / "venv/bin", "python", "")
    resolvers = [("given", resolver(Candidate(python, source, source / "odoo-bin", "given")))]
    return find_odoo(settings, nothing, resolvers=resolvers)


def test_a_checkout_has_two_folders_of_core_addons(odoo: OdooInstallation, source):
    assert odoo.addons == (source / "odoo/addons", source / "addons")


def test_the_left_over_addons_of_debians_package_do_not_count(settings, path):
    folder = add_debian(settings, read_lock("19.0"))
    odoo = find_odoo(settings, nothing, install=False)
    assert odoo.addons == (folder / "root/usr/lib/python3/dist-packages/odoo/addons",)


def test_a_command_starts_with_odoos_own_python_and_program(odoo: OdooInstallation, source):
    command = odoo.command("-d", "acme", "--config", Path("odoo.conf"))
    assert command == [str(source / "venv/bin/python"), str(source / "odoo-bin")] + (
        ["-d", "acme", "--config", "odoo.conf"]
    )
    assert odoo.environment == {"PYTHONPATH": str(source)}


def test_a_module_is_a_folder_with_a_manifest(odoo: OdooInstallation, source, tmp_path):
    own = tmp_path / "own"
    (own / "acme_theme").mkdir(parents=True)
    (own / "acme_theme" / "__manifest__.py").write_text("{}")
    (own / "no_module").mkdir()
    assert odoo.find_module("sale", []) == source / "addons" / "sale"
    assert odoo.find_module("acme_theme", [own]) == own / "acme_theme"
    assert odoo.find_module("no_module", [own]) is None
    assert odoo.find_module("unknown", [own]) is None
