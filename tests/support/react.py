"""React and a bundler, to build a component into a page as an operator's own web site does."""

from __future__ import annotations

from pathlib import Path

from tenantry import process
from tests.support import npm

# Package: (its version, its integrity as the registry and npm's lock files write it)
_LIBRARIES = {
    "react": (
        "19.2.9",
        "sha512-RuLdAokXv3sRmZa2/N8QH0KmTBIgDKC+buRUikGqow31+mGSGidLCX2o4XFq8OV+xBFWfhM9DVgTq1PPHADH4w==",
    ),
    "react-dom": (
        "19.2.9",
        "sha512-YceU74W21fXEHszKBLj16MY0CmvpFKOs60iVrIyW/cCgOPsZJNaB6GVJEtIUqt6AG6EjzKLui5lPRrxAeS328Q==",
    ),
    "scheduler": (
        "0.27.0",
        "sha512-eNv+WrVbKu1f3vbYJT/xtiF5syA5HPIMtf9IgY/nKg0sWqzAUEvqY/xm7OcZc/qafLx/iO9FgOmeSAp4v5ti/Q==",
    ),
}
_BUNDLER = (
    "@esbuild/linux-x64",
    "0.28.2",
    "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==",
)
_MAIN = """\
import React from "react";
import { createRoot } from "react-dom/client";
import Component from "./Component.jsx";
createRoot(document.getElementById("root")).render(<Component />);
"""
PAGE = (
    '<!DOCTYPE html><html lang="en"><title>Site</title><div id="root"></div><script src="/app.js"></script>'
)


def bundle(component: str, folder: Path, cache: Path, **modules: str) -> bytes:
    """The script that shows the component at #root of `PAGE`; modules: the component's own, without `.js`."""
    packages, kept = folder / "node_modules", cache / "test-npm"
    packages.mkdir(parents=True)
    for name, (version, integrity) in _LIBRARIES.items():
        (packages / name).symlink_to(npm.unpacked(name, version, integrity, kept / f"{name}-{version}"))
    for name, text in {"main.jsx": _MAIN, "Component.jsx": component}.items():
        (folder / name).write_text(text)
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    name, version, integrity = _BUNDLER
    esbuild = npm.unpacked(name, version, integrity, kept / f"esbuild-{version}") / "bin" / "esbuild"
    esbuild.chmod(0o755)
    arguments = ["main.jsx", "--bundle", "--preserve-symlinks", "--format=iife", "--outfile=app.js"]
    process.run([esbuild, *arguments, '--define:process.env.NODE_ENV="production"'], cwd=folder, timeout_s=60)
    return (folder / "app.js").read_bytes()
