"""Draw `docs/states.md` from the tables of `addons/saas_manager/lifecycle.py`.

python docs/state_diagrams.py          writes it
python docs/state_diagrams.py --check  fails if it is not current
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

_DOCS = Path(__file__).parent
_PAGE = _DOCS / "states.md"
_TABLES = _DOCS.parent / "addons" / "saas_manager" / "lifecycle.py"
_HEAD = """\
# States

Which state leads where in the back office. Made from `addons/saas_manager/lifecycle.py` by `make docs`;
`make check` fails when this page is not current. The states of a database, as the engine knows them, are in
[architecture.md](architecture.md).
"""

Table = Mapping[tuple[str, str], str]


def page() -> str:
    """The whole page, with a diagram for each table."""
    tables: Mapping[str, Table] = runpy.run_path(str(_TABLES))["TABLES"]
    return "\n".join([_HEAD, *(_section(model, table) for model, table in tables.items())])


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
