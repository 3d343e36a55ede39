"""A recipe: what a template is built from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tenantry.errors import InvalidRecipe
from tenantry.model.countries import COUNTRIES
from tenantry.model.names import template_code

MODULE = re.compile(r"[a-z][a-z0-9_]*")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2}|_[0-9]{3})?(@[A-Za-z]+)?")
"""Odoo's code of a language, such as fr_FR, es_419 or sr@latin."""
_CAPTIONS = ("name", "description")
_KEYS = {"name", "description", "modules", "languages", "country", "demo"}


@dataclass(frozen=True)
class Recipe:
    """modules: Odoo's technical names. languages: Odoo's codes (`fr_FR`), the main one first; English comes
    always. country: ISO code or "".
    """

    code: str
    name: str
    modules: tuple[str, ...]
    description: str = ""
    languages: tuple[str, ...] = ("en_US",)
    country: str = ""
    demo: bool = False

    def __post_init__(self) -> None:
        template_code(self.code)
        if not isinstance(self.demo, bool):
            raise InvalidRecipe(self.code, f"{self.demo!r} in demo")
        self._check("modules", self.modules, MODULE)
        self._check("languages", self.languages, LANGUAGE)
        if self.country and self.country not in COUNTRIES:
            raise InvalidRecipe(self.code, f"{self.country!r} in country")
        if not self.modules:
            raise InvalidRecipe(self.code, "it names no modules")

    @classmethod
    def from_toml(cls, code: str, text: str) -> Recipe:
        """Read a recipe file. Raises InvalidRecipe."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InvalidRecipe(code, str(error)) from error
        return cls.from_mapping(code, data)

    @classmethod
    def from_mapping(cls, code: str, data: Mapping[str, Any]) -> Recipe:
        """Read a recipe's keys. Raises InvalidRecipe for unknown ones and wrong types."""
        unknown = sorted(set(data) - _KEYS)
        if unknown:
            raise InvalidRecipe(code, f"unknown key {', '.join(unknown)}")
        for key in ("modules", "languages"):
            if not isinstance(data.get(key, []), list | tuple):
                raise InvalidRecipe(code, f"{key} must be a list")
        for key, kind in (("name", str), ("description", str), ("country", str), ("demo", bool)):
            if not isinstance(data.get(key, kind()), kind):
                raise InvalidRecipe(code, f"{key} must be a {kind.__name__}")
        try:
            lists = {key: tuple(data[key]) for key in ("modules", "languages") if key in data}
            return cls(code=code, **{"name": code.capitalize(), "modules": (), **data, **lists})
        except TypeError as error:
            raise InvalidRecipe(code, str(error)) from error

    def as_mapping(self) -> dict[str, Any]:
        """The mapping that `from_mapping` reads."""
        data = asdict(self)
        del data["code"]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}

    @property
    def ingredients(self) -> dict[str, Any]:
        """What a build depends on: everything except the name and the description."""
        return {key: value for key, value in self.as_mapping().items() if key not in _CAPTIONS}

    def _check(self, field: str, values: tuple[str, ...], pattern: re.Pattern[str]) -> None:
        for value in values:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise InvalidRecipe(self.code, f"{value!r} in {field}")


def as_numbers(version: str) -> tuple[int, ...]:
    """For comparing: 1.0.10 is later than 1.0.9."""
    return tuple(int(part) for part in version.split("."))


def next_version(version: str) -> str:
    """T1: an update bumps the patch; the first version is 1.0.0."""
    if not version:
        return "1.0.0"
    major, minor, patch = version.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"
