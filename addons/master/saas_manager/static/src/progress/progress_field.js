/** Shows the progress of a record's running operation, and the record's new state afterwards. */

import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillDestroy, onWillUpdateProps, status, useEffect, useState } from "@odoo/owl";
import { stepText } from "./step_text";

const UNDER_WAY_STATES = ["building", "processing"];
/** For networks that block websockets. */
const ASK_EVERY_MS = 5000;
/** How often the estimate of a running step moves on. */
const TICK_MS = 500;
/** An estimate never says that a step has ended. */
const MOST_OF_A_STEP = 0.95;

export class SaasProgressField extends Component {
    static template = "saas_manager.ProgressField";
    static props = { ...standardFieldProps, step: String, while: String };

    setup() {
        this.bus = useService("bus_service");
        this.channel = null;
        this.state = useState({ live: null, waits: false, now: Date.now() });
        this.shownSince = Date.now();
        this.onStep = this.onStep.bind(this);
        this.bus.subscribe("saas.step", this.onStep);
        this.listenTo(this.props);
        onWillUpdateProps((props) => this.listenTo(props));
        useEffect(
            () => this.catchUp(),
            () => [this.props.record.dirty]
        );
        const regularly = browser.setInterval(() => this.ask(), ASK_EVERY_MS);
        const tick = browser.setInterval(() => this.tick(), TICK_MS);
        // Also called for a form that was left before it was shown.
        onWillDestroy(() => {
            browser.clearInterval(regularly);
            browser.clearInterval(tick);
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
                this.show({ progress: 0 });
            }
            this.reload();
        } else if (message.step) {
            this.show(message);
        }
    }

    /** Show a step at once; the estimate of how far it is starts anew. */
    show(live) {
        this.state.live = live;
        this.shownSince = Date.now();
    }

    tick() {
        if (this.isShown) {
            this.state.now = Date.now();
        }
    }

    async ask() {
        if (this.isUnderWay(this.props) && !document.hidden) {
            await this.reload();
            this.state.live = null;
            this.shownSince = Date.now();
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

    get isLeft() {
        return status(this) === "destroyed";
    }

    /** Read the record again, but never overwrite what the user is typing. */
    async reload() {
        const { record } = this.props;
        try {
            const isDirty = await record.isDirty();
            if (this.isLeft) {
                return;
            }
            this.state.waits = isDirty;
            if (!isDirty) {
                await record.load();
            }
        } catch (error) {
            // The form was left while it was being read; its model refuses to read any more.
            if (!this.isLeft) {
                throw error;
            }
        }
    }

    isUnderWay({ record, while: field }) {
        const value = record.data[field];
        return field === "state" ? UNDER_WAY_STATES.includes(value) : Boolean(value);
    }

    get isShown() {
        return this.isUnderWay(this.props);
    }

    /** The estimate: while a slow step is running, what is done before it, and a growing part of it. */
    get progress() {
        const { progress = 0, until, usual_s: usual, elapsed_s: elapsed = 0 } = this.shown;
        if (!until || !usual) {
            return Math.round(progress);
        }
        const seconds = elapsed + (this.state.now - this.shownSince) / 1000;
        const part = MOST_OF_A_STEP * (1 - Math.exp((-2 * seconds) / usual));
        return Math.round(progress + (until - progress) * Math.max(part, 0));
    }

    get step() {
        return stepText(this.shown.step) || _t("waiting to start");
    }

    get usualText() {
        const usual = Math.round(this.shown.usual_s || 0);
        return usual ? _t("usually %s s", usual) : "";
    }

    get shown() {
        const { data } = this.props.record;
        return (
            this.state.live || {
                progress: data[this.props.name],
                step: data[this.props.step],
                until: data.progress_until,
                usual_s: data.progress_usual_s,
                elapsed_s: data.progress_elapsed_s,
            }
        );
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
    fieldDependencies: ({ options }) => [
        { name: options.step || "progress_step", type: "char" },
        { name: "progress_until", type: "float" },
        { name: "progress_usual_s", type: "float" },
        { name: "progress_elapsed_s", type: "float" },
    ],
};

registry.category("fields").add("saas_progress", saasProgressField);
