"""Files of tests in lanes: those that use the one Docker engine are never beside each other."""

from __future__ import annotations

from tests.support.lanes import lane


def test_files_with_the_docker_engine_share_a_lane():
    engine, odoo = "tests/integration/test_docker_engine.py", "tests/acceptance/test_docker_odoo.py"
    assert lane(f"{engine}::test_a") == lane(f"{odoo}::TestB::test_b")


def test_other_files_each_have_a_lane_of_their_own():
    files = ("test_dockers.py", "test_first.py", "test_second.py")
    assert len({lane(f"tests/unit/{file}::test_a") for file in files}) == 3
