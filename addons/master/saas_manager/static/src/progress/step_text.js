/** The engine's steps in words. */

import { _t } from "@web/core/l10n/translation";

const TEXTS = {
    prepare: _t("preparing"),
    database: _t("the database"),
    files: _t("the files"),
    filestore: _t("the files"),
    sanitize: _t("removing the template's secrets"),
    customize: _t("company, language and country"),
    admin: _t("the administrator"),
    publish: _t("publishing the address"),
    probe: _t("waiting for the first page"),
    activate: _t("switching on"),
    install: _t("installing the modules"),
    assets: _t("preparing the web pages"),
    verify: _t("checking the modules"),
    compact: _t("compacting the database"),
    freeze: _t("freezing the template"),
    zygote: _t("loading it for a fast start"),
    swap: _t("replacing the previous version"),
    clean: _t("cleaning up"),
    state: _t("noting the state"),
    lock: _t("locking the database"),
    unlock: _t("unlocking the database"),
    sessions: _t("ending connections"),
    blocked: _t("checking that nobody gets in"),
    role: _t("the database's role"),
    names: _t("the names"),
    address: _t("the address"),
    stop: _t("stopping"),
    start: _t("starting"),
    check: _t("checking the other server"),
    copy: _t("copying the data"),
    hold: _t("holding visitors"),
    "catch up": _t("copying what has changed"),
    load: _t("loading the data there"),
    compare: _t("comparing the data"),
    switch: _t("serving it there"),
    forward: _t("leading visitors there"),
    "clean up": _t("cleaning up"),
    "take over": _t("taking the edited copy"),
};

export function stepText(step) {
    return (TEXTS[step] || step || "").toString();
}
