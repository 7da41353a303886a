"""JSON Schema of a spec, with the docstring under each field as its description.

Read only when a schema is asked for: pydantic can do it at import, at the price of parsing every class at each start.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any


def json_schema(root: Any) -> dict[str, Any]:
    """JSON Schema of a pydantic model or a dataclass, described.

    >>> from aiplan.specs.result import LawRow
    >>> json_schema(LawRow)["properties"]["law"]
    {'description': 'Name of the law.', 'title': 'Law', 'type': 'string'}
    """
    from pydantic import TypeAdapter

    schema: dict[str, Any] = TypeAdapter(root).json_schema(by_alias=True)
    module = inspect.getmodule(root)
    for name, part in ((root.__name__, schema), *schema.get("$defs", {}).items()):
        of = root if name == root.__name__ else getattr(module, name, None)
        if not inspect.isclass(of):
            continue
        notes: dict[str, str] = {}
        for ancestor in reversed(of.__mro__[:-1]):
            if ancestor.__module__.startswith("aiplan."):
                notes |= _field_docstrings(ancestor)
        for field, wanted in part.get("properties", {}).items():
            note = notes.get(field) or notes.get(f"{field}_")
            if note:
                described = {"description": note, **{k: v for k, v in wanted.items() if k != "description"}}
                part["properties"][field] = described
    return schema


def _field_docstrings(of: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(of))).body[0]
    assert isinstance(body, ast.ClassDef)
    out: dict[str, str] = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            out[field.target.id] = inspect.cleandoc(after.value.value)
    return out
