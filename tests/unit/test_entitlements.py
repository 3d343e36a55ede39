"""What a plan allows, and how many users a smaller one lets stay."""

from __future__ import annotations

import pytest

from tenantry.model.entitlements import seats


@pytest.mark.parametrize(
    ("limit", "in_use", "before", "expected"),
    [
        (5, 3, 5, 5),
        (0, 30, 5, 0),
        (10, 30, 0, 30),
        (10, 30, 40, 30),
        (10, 30, 20, 20),
        (1, 0, 0, 1),
    ],
    ids=[
        "as the plan says",
        "unlimited",
        "those a first limit found",
        "those a smaller plan found",
        "not those who were added by SQL",
        "an empty one",
    ],
)
def test_seats(limit: int, in_use: int, before: int, expected: int) -> None:
    assert seats(limit, in_use, before) == expected
