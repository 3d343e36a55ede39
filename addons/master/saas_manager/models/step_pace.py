"""How long the steps of slow operations usually take, so that their progress is a share of the time.

Steps of other operations take parts of a second; for those each step is one part of the whole.
"""

from dataclasses import dataclass

SLOW_S = 1.0
"""Only steps that take longer are noted when they start: each note is a commit."""
_BUILD = {
    "database": 1.0,
    "install": 45.0,
    "assets": 15.0,
    "verify": 0.1,
    "admin": 0.2,
    "compact": 5.0,
    "freeze": 0.1,
    "zygote": 1.0,
    "swap": 0.1,
    "clean": 0.3,
}
_READY = {"take over": 0.5, "role": 0.1, **{step: _BUILD[step] for step in list(_BUILD)[2:]}}
_MOVE = {
    "check": 0.3,
    "copy": 8.0,
    "files": 2.0,
    "hold": 0.2,
    "catch up": 2.0,
    "load": 5.0,
    "compare": 0.5,
    "switch": 1.0,
    "forward": 0.5,
    "clean up": 0.2,
}
_USUAL_S = {"build": _BUILD, "ready": _READY, "install": {"install": 20.0}, "move": _MOVE}
"""Where nothing was measured yet: the order of magnitude on a small server. Steps stand in their order."""


@dataclass(frozen=True)
class Pace:
    """The usual seconds of each step of one operation, in order."""

    usual_s: dict[str, float]

    @classmethod
    def of(cls, operation, measured):
        """None for an operation that is not slow. measured: seconds by step, from earlier runs."""
        known = _USUAL_S.get(operation)
        return known and cls({step: measured.get(step) or usual for step, usual in known.items()})

    def is_slow(self, step):
        return self.usual_s.get(step, 0.0) >= SLOW_S

    def before(self, step):
        """The percentage that is done when this step starts."""
        steps = list(self.usual_s)
        done = steps[: steps.index(step)] if step in steps else steps
        return 100.0 * sum(self.usual_s[it] for it in done) / sum(self.usual_s.values())

    def after(self, step):
        return self.before(step) + 100.0 * self.usual_s.get(step, 0.0) / sum(self.usual_s.values())
