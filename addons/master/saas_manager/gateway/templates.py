"""Templates: build, edit and copy them, and fill their pools."""

import logging

from odoo.exceptions import ValidationError

from tenantry.errors import TemplateNotFound, TenantryError, UnsupportedSeries
from tenantry.model import advice
from tenantry.model.recipe import Recipe

from .engines import _engine_of
from .errors import translated
from .sentences import sentence

_logger = logging.getLogger(__name__)

_PATIENCE_S = 60
"""How long a job waits for the clones under way before the queue has its thread back: longer than one takes,
or a template that is cloned all the time would never be replaced."""


def check_recipe(template):
    """Raise ValidationError unless the engine could build the template."""
    with translated(template.env, ValidationError):
        recipe_of(template)


def recipe_of(template):
    return Recipe.from_mapping(template.code or "", template._recipe())


def _builder_of(template):
    """The engine that builds the template. Raises UnsupportedSeries: a server runs one series of Odoo."""
    engine = _engine_of(template.server_id)
    series = engine.facts().series
    if template.series != series:
        raise UnsupportedSeries(template.series, [series])
    return engine


def build_template(template, on_step):
    return _builder_of(template).templates.build(recipe_of(template), on_step, patience_s=_PATIENCE_S)


def rebuild_template(template, on_step):
    """Build the template again, unless an earlier run has done so and its result was lost."""
    engine = _builder_of(template)
    done = _newer_version(engine, template)
    if done and not done.stale:
        return done
    return engine.templates.build(recipe_of(template), on_step, rebuild=True, patience_s=_PATIENCE_S)


def _newer_version(engine, template):
    """The template, if its version is not the one the record has; else None."""
    if not template.template_version:
        return None
    try:
        found = engine.templates.get(recipe_of(template))
    except TemplateNotFound:
        return None
    return found if found.version != template.template_version else None


def edit_template(template):
    return _engine_of(template.server_id).templates.edit(template.code)


def finish_editing(template, on_step):
    """Take the edited copy back, unless an earlier run has done so and its result was lost."""
    engine = _engine_of(template.server_id)
    try:
        return engine.templates.finish_editing(template.code, on_step, patience_s=_PATIENCE_S)
    except TemplateNotFound:
        done = _newer_version(engine, template)
        if not done:
            raise
        return done


def clone_template(template, database):
    return _engine_of(template.server_id).templates.clone(template.code, database)


def fill_pool(template):
    """Fill the pool to its size; return how many spares it has then."""
    engine = _engine_of(template.server_id)
    engine.pool.fill(template.code, template.pool_size)
    return _usable_spares(engine).get(template.code, 0)


def pool_status(templates):
    """(template, values for its record, why it is stale or "") for each whose server answers."""
    for server, there in templates.grouped("server_id").items():
        try:
            yield from _pool_status(_engine_of(server), there)
        except TenantryError as error:
            _logger.warning("%s: %s", server.name or "the installation's own server", sentence(error))


def _pool_status(engine, templates):
    spares = _usable_spares(engine)
    for template in templates:
        values = {"spare_count": spares.get(template.code, 0)}
        try:
            found = engine.templates.get(recipe_of(template))
        except TemplateNotFound as error:
            yield template, values, str(error)
        else:
            yield template, {**values, **offered(found)}, found.stale


def offered(built):
    """What a built template offers, as values for its record."""
    return {
        "loaded_languages": " ".join(built.languages),
        "chart_country_code": built.chart_country,
        "size_mb": built.size_bytes / 2**20,
    }


def foreign_chart(template, country, templates):
    """See `tenantry.model.advice`; templates: the other templates."""
    charts = {it.code: it.chart_country_code or "" for it in template | templates}
    return advice.foreign_chart(template.code, country.code or "", charts)


def _usable_spares(engine):
    return {pool.template: pool.usable for pool in engine.pool.status()}
