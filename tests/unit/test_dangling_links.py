"""Mending links of an unpacked package whose targets were moved."""

from pathlib import Path

import pytest

from tenantry.odoo.finding.links import DanglingLinks, repair_links

LINK = "usr/lib/odoo/static/fonts/Font.otf"


def add_file(root: Path, name: str, content: str = "") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content or name)
    return file


def add_link(root: Path, target: str, name: str = LINK) -> Path:
    link = root / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    return link


def test_a_link_that_leads_somewhere_is_left_alone(tmp_path):
    add_file(tmp_path, "usr/share/fonts/Font.otf")
    link = add_link(tmp_path, "../../../../share/fonts/Font.otf")
    assert repair_links(tmp_path) == []
    assert str(link.readlink()) == "../../../../share/fonts/Font.otf"


def test_a_broken_link_finds_the_file_that_moved(tmp_path):
    add_file(tmp_path, "usr/share/fonts/opentype/Font.otf", "moved")
    link = add_link(tmp_path, "../../../../share/fonts/truetype/Font.otf")
    assert repair_links(tmp_path) == [link]
    assert link.read_text() == "moved"


def test_a_font_split_by_weight_is_replaced_by_its_regular_weight(tmp_path):
    add_file(tmp_path, "usr/share/fonts/Font-Bold.otf", "bold")
    add_file(tmp_path, "usr/share/fonts/Font-Regular.otf", "regular")
    link = add_link(tmp_path, "../../../../share/fonts/Font.otf")
    repair_links(tmp_path)
    assert link.read_text() == "regular"


def test_the_file_nearest_to_the_old_place_wins_over_a_namesake(tmp_path):
    add_file(tmp_path, "usr/lib/another/Font.otf", "another")
    add_file(tmp_path, "usr/share/fonts/opentype/Font.otf", "moved")
    link = add_link(tmp_path, "../../../../share/fonts/truetype/Font.otf")
    repair_links(tmp_path)
    assert link.read_text() == "moved"


def test_a_mended_link_survives_moving_the_folder(tmp_path):
    add_file(tmp_path, "work/usr/share/fonts/Font.otf", "moved")
    add_link(tmp_path / "work", "../gone/Font.otf")
    repair_links(tmp_path / "work")
    (tmp_path / "work").rename(tmp_path / "root")
    assert (tmp_path / "root" / LINK).read_text() == "moved"


def test_an_absolute_link_is_led_back_into_the_folder(tmp_path):
    outside = add_file(tmp_path, "machine/usr/share/fonts/Font.otf", "the machine's")
    add_file(tmp_path, "root/usr/share/fonts/Font.otf", "ours")
    link = add_link(tmp_path / "root", str(outside))
    repair_links(tmp_path / "root")
    assert link.read_text() == "ours"


def test_links_without_a_replacement_are_all_named_and_nothing_is_changed(tmp_path):
    add_file(tmp_path, "usr/share/fonts/Font.otf")
    mendable = add_link(tmp_path, "../gone/Font.otf")
    lost = [add_link(tmp_path, "gone", "usr/a.js"), add_link(tmp_path, "gone", "usr/b.js")]
    with pytest.raises(DanglingLinks) as caught:
        repair_links(tmp_path)
    assert list(caught.value.links) == lost
    assert "usr/a.js, usr/b.js" in str(caught.value)
    assert not mendable.exists()


def test_mending_twice_changes_nothing_more(tmp_path):
    add_file(tmp_path, "usr/share/fonts/Font.otf")
    add_link(tmp_path, "../gone/Font.otf")
    repair_links(tmp_path)
    assert repair_links(tmp_path) == []
