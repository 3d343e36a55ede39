"""Break a line, run its tests, report which mutants lived: `python -m tests.mutants [--fast] [WORD...]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import pytest

from tests.mutants.copy import Copy, copied_tree
from tests.mutants.table import Mutant, mutants

_FAST_TEST_S, _SLOW_TEST_S = 30, 600


def main() -> int:
    options = _options()
    chosen = [mutant for mutant in mutants() if _is_wanted(mutant, options)]
    wrong = [objection for mutant in chosen if (objection := mutant.objection())]
    if wrong or not chosen:
        print("\n".join(wrong or ["No mutant is called so."]))
        return 2
    with copied_tree() as copy:
        if not _pass_unbroken(copy, chosen):
            return 2
        verdicts = [_try(copy, mutant) for mutant in chosen]
    print(f"{verdicts.count(True)} killed, {verdicts.count(False)} lived")
    return 0 if all(verdicts) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.mutants", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="only mutants whose tests need only Python")
    parser.add_argument("words", nargs="*", help="only mutants with one of these words in their name or file")
    return parser.parse_args()


def _is_wanted(mutant: Mutant, options: argparse.Namespace) -> bool:
    if options.fast and not mutant.is_fast:
        return False
    return not options.words or any(word in f"{mutant.name} {mutant.file}" for word in options.words)


def _pass_unbroken(copy: Copy, chosen: Sequence[Mutant]) -> bool:
    """A test that fails without a mutant proves nothing."""
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    print(f"{len(chosen)} mutants; their {len(tests)} tests without them", flush=True)
    ended = copy.pytest(tests, _SLOW_TEST_S)
    if ended.returncode != pytest.ExitCode.OK:
        print(ended.stdout, ended.stderr)
    return ended.returncode == pytest.ExitCode.OK


def _try(copy: Copy, mutant: Mutant) -> bool:
    """Whether a test failed. Raises RuntimeError when none could be run."""
    began = time.monotonic()
    with copy.broken_by(mutant):
        ended = copy.pytest(mutant.tests, _FAST_TEST_S if mutant.is_fast else _SLOW_TEST_S)
    if ended.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"{mutant.name}: {ended.stdout}{ended.stderr}")
    is_killed = ended.returncode == pytest.ExitCode.TESTS_FAILED
    word = "killed" if is_killed else "LIVED "
    print(f"{word} {time.monotonic() - began:6.1f} s  {mutant.name}", flush=True)
    return is_killed


if __name__ == "__main__":
    sys.exit(main())
