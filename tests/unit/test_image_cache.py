"""Images in the cache folder: those that no checkout uses any more are removed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.odoo_image import remove_unused


def test_only_images_that_were_not_used_lately_are_removed(tmp_path: Path):
    for name in ("odoo-19.0-used", "odoo-19.0-unused"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / "odoo-19.0-unused", (1, 1))
    remove_unused(tmp_path)
    assert [image.name for image in tmp_path.iterdir()] == ["odoo-19.0-used"]
