"""The tokens for Railway, one for each server, in a private file of the installation."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import tomlkit

from tenantry.errors import InvalidSetting, InvalidValue, RailwayTokenMissing
from tenantry.keyfile import is_private, private_folder, write_private
from tenantry.model.secret import Secret

_FILE = "railway.toml"


def token_file(secrets_dir: Path) -> Path:
    return secrets_dir / _FILE


def token_of(secrets_dir: Path, server: str) -> Secret:
    """Raises RailwayTokenMissing, InvalidValue; InvalidSetting if the file is not private, or no TOML."""
    file = token_file(secrets_dir)
    if not is_private(file):
        raise InvalidSetting(str(file), "***", f"a private file: run chmod go= {shlex.quote(str(file))}")
    token = _read(file).get(server)
    if not token:
        raise RailwayTokenMissing(server)
    return checked_token(Secret(str(token)))


def checked_token(token: Secret) -> Secret:
    """The token without spaces around it. Raises InvalidValue for what cannot be in a header."""
    value = token.reveal().strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise InvalidValue("token", "***", "the token as Railway shows it")
    return Secret(value)


def keep_token(secrets_dir: Path, server: str, token: Secret) -> None:
    """Write it into the file. Raises InvalidSetting."""
    file = token_file(secrets_dir)
    private_folder(secrets_dir)
    write_private(file, tomlkit.dumps({**_read(file), server: token.reveal()}))


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The error's own text quotes the line, which may be a token.
        raise InvalidSetting(str(file), "***", 'valid TOML: a line NAME = "TOKEN" for each server') from error
