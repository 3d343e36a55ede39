/** Shows the progress of a record's running operation, and the record's new state afterwards. */

import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillUnmount, onWillUpdateProps, useEffect, useState } from "@odoo/owl";

const UNDER_WAY_STATES = ["building", "processing"];
/** For networks that block websockets. */
const ASK_EVERY_MS = 5000;

export class SaasProgressField extends Component {
    static template = "saas_manager.ProgressField";
    static props = { ...standardFieldProps, step: String, while: String };

    setup() {
        this.bus = useService("bus_service");
        this.channel = null;
        this.state = useState({ live: null, waits: false });
        this.onStep = this.onStep.bind(this);
        this.bus.subscribe("saas.step", this.onStep);
        this.listenTo(this.props);
        onWillUpdateProps((props) => this.listenTo(props));
        useEffect(
            () => this.catchUp(),
            () => [this.props.record.dirty]
        );
        const regularly = browser.setInterval(() => this.ask(), ASK_EVERY_MS);
        onWillUnmount(() => {
            browser.clearInterval(regularly);
            this.bus.unsubscribe("saas.step", this.onStep);
            this.leave();
        });
    }

    /** Follow the record that is shown: a form may switch to another one, or save a new one. */
    listenTo(props) {
        const { resModel, resId } = props.record;
        const channel = resId ? `${resModel}_${resId}` : null;
        if (channel !== this.channel) {
            this.leave();
            this.channel = channel;
            if (channel) {
                this.bus.addChannel(channel);
            }
        }
    }

    leave() {
        if (this.channel) {
            this.bus.deleteChannel(this.channel);
        }
        this.channel = null;
        this.state.live = null;
        this.state.waits = false;
    }

    onStep(message) {
        if (`${message.model}_${message.id}` !== this.channel) {
            return;
        }
        if (message.status) {
            if (message.status === "started") {
                // The stored step is the last one of the previous operation.
                this.state.live = { progress: 0 };
            }
            this.reload();
        } else if (message.step) {
            this.state.live = { progress: message.progress, step: message.step };
        }
    }

    async ask() {
        if (this.isUnderWay(this.props) && !document.hidden) {
            await this.reload();
            this.state.live = null;
        } else {
            this.catchUp();
        }
    }

    /** Show afterwards what could not be shown while the user was typing. */
    catchUp() {
        if (this.state.waits && !this.props.record.dirty) {
            this.reload();
        }
    }

    /** Read the record again, but never overwrite what the user is typing. */
    async reload() {
        const { record } = this.props;
        this.state.waits = await record.isDirty();
        if (!this.state.waits) {
            await record.load();
        }
    }

    isUnderWay({ record, while: field }) {
        const value = record.data[field];
        return field === "state" ? UNDER_WAY_STATES.includes(value) : Boolean(value);
    }

    get isShown() {
        return this.isUnderWay(this.props);
    }

    get progress() {
        return Math.round(this.shown.progress || 0);
    }

    get step() {
        return this.shown.step || _t("waiting to start");
    }

    get shown() {
        const { data } = this.props.record;
        return this.state.live || { progress: data[this.props.name], step: data[this.props.step] };
    }
}

export const saasProgressField = {
    component: SaasProgressField,
    displayName: _t("Live Progress"),
    supportedTypes: ["float"],
    extractProps: ({ options }) => ({
        step: options.step || "progress_step",
        while: options.while || "state",
    }),
    fieldDependencies: ({ options }) => [{ name: options.step || "progress_step", type: "char" }],
};

registry.category("fields").add("saas_progress", saasProgressField);
