"""Values in Odoo's configuration file are read as written, and cannot add options."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry.errors import InvalidSetting
from tenantry.model.limits import RANGES
from tenantry.odoo.config import container_limits, read_option, write_config
from tenantry.settings import ServerSettings


def test_what_is_written_is_read(tmp_path: Path):
    write_config(tmp_path / "odoo.conf", {"db_name": "acme"}, tenantry={"protocol": "https"})
    assert read_option(tmp_path / "odoo.conf", "db_name") == "acme"
    assert read_option(tmp_path / "odoo.conf", "protocol", "tenantry") == "https"


@pytest.mark.parametrize("value", ["acme\nadmin_passwd = admin", "acme\radmin_passwd = x", "a\u2028b"])
def test_a_value_of_several_lines_is_refused(tmp_path: Path, value: str):
    with pytest.raises(InvalidSetting, match="db_name"):
        write_config(tmp_path / "odoo.conf", {"db_name": value})
    assert not (tmp_path / "odoo.conf").exists()


def test_a_container_of_the_smallest_plan_is_not_replaced_for_the_memory_that_odoo_needs(tmp_path: Path):
    """Odoo in a container uses 130 MB before the first visitor."""
    least, _most = RANGES["memory_mb"]
    limits = container_limits(ServerSettings.at(tmp_path, tmp_path))
    assert limits.of({"memory_mb": least}).recycle_bytes > 300 * 2**20
