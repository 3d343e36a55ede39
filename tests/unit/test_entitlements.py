"""The number of seats of a plan, and of a smaller plan with existing users."""

from __future__ import annotations

import pytest

from tenantry.errors import InvalidValue
from tenantry.model.catalog import Label
from tenantry.model.entitlements import Entitlements, seats


@pytest.mark.parametrize("users", [1.5, 2**70, -1])
def test_a_limit_of_users_is_a_number_of_people(users: float) -> None:
    with pytest.raises(InvalidValue):
        Entitlements(users=users)  # type: ignore[arg-type]


@pytest.mark.parametrize("seats", ['"many"', "null", "1e400", "-1", str(2**70)])
def test_a_label_with_odd_seats_does_no_harm(seats: str) -> None:
    label = Label.from_comment(f'{{"tenantry": 1, "kind": "instance", "state": "active", "seats": {seats}}}')
    assert label is None or 0 <= label.seats < 2**32


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
