"""How Hypothesis is set up, for all tests at one place."""

from __future__ import annotations

import hypothesis


def test_how_long_an_example_takes_fails_no_test():
    assert hypothesis.settings.default
    assert hypothesis.settings.default.deadline is None
