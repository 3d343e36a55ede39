"""What is sent to Railway fits its schema: the parts of it that stand here, and the published one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_required_argument,
    is_required_input_field,
    parse,
    validate,
)
from tests.support.pages import ROOT
from tests.support.railway import SDL

from tenantry.railway.documents import DOCUMENTS, Document

SCHEMA_VARIABLE = "TENANTRY_RAILWAY_SCHEMA"
_BESIDE_THE_PROJECT = ROOT.parent / "shared" / "railway" / "schema.graphql"


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    """Railway's own schema. The project does not contain it, so these tests are not run everywhere."""
    file = Path(os.environ.get(SCHEMA_VARIABLE) or _BESIDE_THE_PROJECT)
    if not file.exists():
        pytest.skip(f"Railway's schema is not at hand; {SCHEMA_VARIABLE} can name its file")
    # Taken as it is: it breaks a rule about deprecated fields.
    return build_schema(file.read_text(encoding="utf-8"), assume_valid=True)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_each_document_fits_the_parts_of_the_schema_that_the_stand_in_has(document: Document):
    assert validate(build_schema(SDL), parse(document.text)) == []


def test_all_documents_fit_the_published_schema(published: GraphQLSchema):
    assert [error for document in DOCUMENTS for error in validate(published, parse(document.text))] == []


def test_the_stand_ins_schema_is_a_part_of_the_published_one(published: GraphQLSchema):
    assert list(differences(build_schema(SDL), published)) == []


def test_a_difference_is_found():
    ours = build_schema("type Query { a(x: Int): Int! b: E } enum E { ONE } input I { x: Int }")
    theirs = build_schema("type Query { a(y: Int!): Int } enum E { TWO } input I { x: Int z: Int! }")
    assert set(differences(ours, theirs)) == {
        "Query.a is Int, not Int!",
        "Query.a has no argument x: Int",
        "Query.a needs y",
        "Query has no field b",
        "E has no ONE",
        "I needs z",
    }


def differences(ours: GraphQLSchema, theirs: GraphQLSchema) -> Iterator[str]:
    """What Railway would refuse, or answer otherwise than the stand-in does."""
    for name, kind in ours.type_map.items():
        other = theirs.type_map.get(name)
        if name.startswith("__"):
            continue
        if type(other) is not type(kind):
            yield f"{name} is {type(other).__name__}"
        elif isinstance(kind, GraphQLObjectType):
            yield from _of_object(kind, other)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from _of_input(kind, other)
        elif isinstance(kind, GraphQLEnumType):
            yield from (f"{name} has no {value}" for value in kind.values if value not in other.values)


def _of_object(ours: GraphQLObjectType, theirs: GraphQLObjectType) -> Iterator[str]:
    for name, field in ours.fields.items():
        where, other = f"{ours.name}.{name}", theirs.fields.get(name)
        if other is None:
            yield f"{ours.name} has no field {name}"
            continue
        if str(other.type) != str(field.type):
            yield f"{where} is {other.type}, not {field.type}"
        for key, argument in field.args.items():
            if key not in other.args or str(other.args[key].type) != str(argument.type):
                yield f"{where} has no argument {key}: {argument.type}"
        for key, argument in other.args.items():
            if is_required_argument(argument) and key not in field.args:
                yield f"{where} needs {key}"


def _of_input(ours: GraphQLInputObjectType, theirs: GraphQLInputObjectType) -> Iterator[str]:
    for name, field in ours.fields.items():
        if name not in theirs.fields or str(theirs.fields[name].type) != str(field.type):
            yield f"{ours.name} has no {name}: {field.type}"
    for name, field in theirs.fields.items():
        if is_required_input_field(field) and name not in ours.fields:
            yield f"{ours.name} needs {name}"
