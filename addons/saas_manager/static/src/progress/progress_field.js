/** Shows what is being done with a record while it is done, and the record's new state afterwards. */

import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillUnmount, onWillUpdateProps, useState } from "@odoo/owl";

const UNDER_WAY_STATES = ["building", "processing"];
/** For networks that let no websocket through. */
const ASK_EVERY_MS = 5000;

export class SaasProgressField extends Component {
    static template = "saas_manager.ProgressField";
    static props = { ...standardFieldProps, step: String, while: String, follow: { type: String, optional: true } };

    setup() {
        this.bus = useService("bus_service");
        this.channels = [];
        this.state = useState({ live: null, waits: false });
        this.onStep = this.onStep.bind(this);
        this.bus.subscribe("saas.step", this.onStep);
        this.listenTo(this.props);
        onWillUpdateProps((props) => this.listenTo(props));
        const regularly = browser.setInterval(() => this.ask(), ASK_EVERY_MS);
        onWillUnmount(() => {
            browser.clearInterval(regularly);
            this.bus.unsubscribe("saas.step", this.onStep);
            this.channels.forEach((channel) => this.bus.deleteChannel(channel));
        });
    }

    /** The records whose steps are shown: its own, and of one it points to. */
    channelsOf({ record, follow }) {
        const followed = follow && record.data[follow];
        return [
            record.resId && `${record.resModel}_${record.resId}`,
            followed && `${record.fields[follow].relation}_${followed.id}`,
        ].filter(Boolean);
    }

    listenTo(props) {
        const wanted = this.channelsOf(props);
        const gone = this.channels.filter((channel) => !wanted.includes(channel));
        const fresh = wanted.filter((channel) => !this.channels.includes(channel));
        gone.forEach((channel) => this.bus.deleteChannel(channel));
        fresh.forEach((channel) => this.bus.addChannel(channel));
        this.channels = wanted;
        if (gone.length || !this.isUnderWay(props)) {
            this.state.live = null;
        }
    }

    async onStep(message) {
        if (!this.channels.includes(`${message.model}_${message.id}`)) {
            return;
        }
        if (message.status) {
            await this.reload();
            // What is stored may be the last step of an operation before this one.
            this.state.live = message.status === "started" ? { progress: 0 } : null;
        } else if (message.step) {
            this.state.live = { progress: message.progress, step: message.step };
        }
    }

    ask() {
        if (this.isUnderWay(this.props) && !document.hidden) {
            this.reload();
        }
    }

    /** Read the record again, but never over what somebody is typing. */
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
        follow: options.follow,
    }),
    fieldDependencies: ({ options }) => [{ name: options.step || "progress_step", type: "char" }],
};

registry.category("fields").add("saas_progress", saasProgressField);
