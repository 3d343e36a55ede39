"""Deriving apt's private source from the machine's own."""

import pytest

from tenantry.odoo.finding.apt_sources import derive_source, machine_source_files

DEBIAN = """\
Types: deb
# a comment between fields
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


def derived_text(name, text):
    source = derive_source({name: text})
    assert source
    return source.text


def test_the_main_archive_of_debian_is_asked_for_sid_with_the_machines_keys():
    assert derived_text("debian.sources", DEBIAN) == (
        "Types: deb\n"
        "URIs: http://mirror.example/debian\n"
        "Suites: sid\n"
        "Components: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )


def test_one_line_sources_give_the_same_as_deb822():
    options = "[arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    text = f"""
        # deb http://old.example/debian bullseye main
        deb {options} http://mirror.example/debian bookworm main contrib
        deb-src http://mirror.example/debian bookworm main
        deb http://mirror.example/debian-security bookworm-security main
    """
    assert derived_text("sources.list", text) == derived_text("debian.sources", DEBIAN)


def test_a_source_without_keys_of_its_own_leaves_them_to_apt():
    assert "Signed-By" not in derived_text("sources.list", "deb http://mirror.example/debian trixie main")


def test_a_key_written_into_the_source_itself_is_kept_whole():
    key = "Signed-By:\n -----BEGIN KEY-----\n .\n mQINBF\n -----END KEY-----\n"
    text = f"Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n{key}"
    assert key.removeprefix("Signed-By:\n") in derived_text("debian.sources", text)


def test_ubuntu_is_asked_for_its_development_suite_with_universe():
    text = """\
Types: deb
URIs: http://mirror.example/ubuntu/
Suites: noble noble-updates noble-backports
Components: main restricted universe multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/ubuntu/
Suites: noble-security
Components: main restricted universe multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
    source = derive_source({"ubuntu.sources": text})
    assert (source.suite, source.components) == ("devel", "main universe")


def test_ubuntu_for_other_processors_is_ubuntu():
    source = derive_source({"sources.list": "deb http://mirror.example/ubuntu-ports noble main universe"})
    assert source.suite == "devel"


def test_a_list_of_mirrors_counts_as_the_archive_it_names():
    text = "deb mirror+file:/etc/apt/mirrors/debian.list bookworm main"
    assert "mirror+file:/etc/apt/mirrors/debian.list" in derived_text("sources.list", text)


def test_a_mirror_under_another_name_is_known_by_debians_keyring():
    text = DEBIAN.replace("mirror.example/debian\n", "proxy.example/apt/remote\n")
    assert "proxy.example/apt/remote\n" in derived_text("debian.sources", text)


@pytest.mark.parametrize(
    "third_party",
    [
        "deb [signed-by=/k.gpg] https://vendor.example/linux/debian bookworm stable",
        "deb [signed-by=/k.gpg] https://vendor.example/debian/ stable main",
        "deb https://vendor.example/repos/apt bookworm-pgdg main",
    ],
)
def test_a_third_partys_archive_never_wins_over_debians(third_party):
    source = derive_source({"a-vendor.list": third_party, "debian.sources": DEBIAN})
    assert source.uris == "http://mirror.example/debian"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "deb cdrom:[Debian 12]/ bookworm main",
        "deb https://vendor.example/repos/apt bookworm-pgdg main",
        "deb http://mirror.example/debian-security bookworm-security main",
    ],
)
def test_without_a_main_archive_there_is_nothing_to_derive(text):
    assert derive_source({"sources.list": text}) is None


def test_a_disabled_source_is_not_used():
    assert derive_source({"debian.sources": DEBIAN.replace("Types: deb", "Enabled: no\nTypes: deb")}) is None


def test_only_the_files_apt_reads_are_read(tmp_path):
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    for name in ("debian.sources", "vendor.list", "old.list.disabled", "notes.txt"):
        (parts / name).write_text(name)
    assert machine_source_files(tmp_path) == {
        "debian.sources": "debian.sources",
        "vendor.list": "vendor.list",
    }
