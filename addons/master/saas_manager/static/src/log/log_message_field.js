/** A line of the log in the reader's words: a step, an error of the engine; any other message as it is. */

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { Component } from "@odoo/owl";
import { stepText } from "../progress/step_text";

const STATUSES = {
    started: _t("running"),
    done: _t("done"),
    skipped: _t("was done already"),
    waiting: _t("waits"),
    failed: _t("failed"),
};

export class SaasLogMessageField extends Component {
    static template = "saas_manager.LogMessageField";
    static props = { ...standardFieldProps };

    get text() {
        const { message_text, step, status } = this.props.record.data;
        const words = step && STATUSES[status];
        return words ? `${stepText(step)}: ${words}` : message_text;
    }
}

export const saasLogMessageField = {
    component: SaasLogMessageField,
    displayName: _t("Log Message"),
    supportedTypes: ["char"],
    fieldDependencies: [
        { name: "message_text", type: "char", readonly: true },
        { name: "step", type: "char", readonly: true },
        { name: "status", type: "char", readonly: true },
    ],
};

registry.category("fields").add("saas_log_message", saasLogMessageField);
