"""Draw `docs/states.md` from `addons/master/saas_manager/lifecycle.py` and `tenantry.model.operations`.

python docs/state_diagrams.py          writes it
python docs/state_diagrams.py --check  fails if it is not current
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

from tenantry.model.operations import ENGINE_STATES, transitions

_DOCS = Path(__file__).parent
_PAGE = _DOCS / "states.md"
_TABLES = _DOCS.parent / "addons" / "master" / "saas_manager" / "lifecycle.py"
_HEAD = """\
# States

Which state leads where in the back office. Made by `make docs` from `addons/master/saas_manager/lifecycle.py`
and, for what is done with an instance, `model/operations.py`; `make check` fails when this page is not
current. The states of a database, as the engine knows them, are drawn in [architecture.md](architecture.md).

## The engine's states of an instance

While nothing is under way; the engine's other states last for a part of an operation.

| state of the record | run state | engine |
|---|---|---|
"""

Table = Mapping[tuple[str, str], str]


def page() -> str:
    """The whole page, with a diagram for each table."""
    tables: Mapping[str, Table] = runpy.run_path(str(_TABLES))["tables"](transitions())
    states = [f"| `{state}` | `{run}` | `{engine}` |\n" for (state, run), engine in ENGINE_STATES.items()]
    return "\n".join([_HEAD + "".join(states), *(_section(model, table) for model, table in tables.items())])


def _section(model: str, table: Table) -> str:
    first = next(iter(table))[1]
    final = sorted(set(table.values()) - {state for _action, state in table})
    lines = [f"    [*] --> {first}"]
    lines += [f"    {state} --> {after}: {action}" for (action, state), after in table.items()]
    lines += [f"    {state} --> [*]" for state in final]
    return "\n".join([f"## `{model}`", "", "```mermaid", "stateDiagram-v2", *lines, "```", ""])


if __name__ == "__main__":
    if "--check" not in sys.argv:
        _PAGE.write_text(page(), encoding="utf-8")
    elif _PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/states.md is not current. Run: make docs")
