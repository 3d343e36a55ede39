/** W3: the operator's dashboard. The server counts; this shows the figures, and opens their lists. */

import { _t } from "@web/core/l10n/translation";
import { KeepLast } from "@web/core/utils/concurrency";
import { Layout } from "@web/search/layout";
import { formatFloat } from "@web/core/utils/numbers";
import { formatCurrency } from "@web/core/currency";
import { registry } from "@web/core/registry";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { useService } from "@web/core/utils/hooks";
import { Component, onWillStart, status, useState } from "@odoo/owl";
import { daysText } from "../days/days";
import { SaasChart } from "./chart";
import { useRefresh } from "./refresh";

const STATE_COLORS = {
    draft: "--gray-500",
    provisioning: "--info",
    active: "--success",
    stopped: "--yellow",
    suspended: "--warning",
    expired: "--orange",
    failed: "--danger",
};
const HEALTH_CLASSES = {
    healthy: "text-bg-success",
    warning: "text-bg-warning",
    critical: "text-bg-danger",
    unknown: "text-bg-secondary",
};

export class SaasDashboard extends Component {
    static template = "saas_manager.Dashboard";
    static components = { Layout, SaasChart };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.keepLast = new KeepLast();
        this.display = { controlPanel: {} };
        this.periods = [7, 30, 90];
        this.state = useState({ period: 30, loading: false, figures: null });
        onWillStart(() => this.load());
        useRefresh(() => this.load());
    }

    async load() {
        this.state.loading = true;
        try {
            const call = this.orm.silent.call("saas.dashboard", "figures", [this.state.period]);
            this.state.figures = await this.keepLast.add(call);
        } finally {
            this.state.loading = false;
        }
    }

    setPeriod(period) {
        this.state.period = period;
        return this.load();
    }

    /** Open the records a figure counts; ours have cards, which a phone shows. */
    open(list) {
        const kinds = list.model.startsWith("saas.") ? ["list", "kanban", "form"] : ["list", "form"];
        return this.action.doAction({
            type: "ir.actions.act_window",
            name: list.name,
            res_model: list.model,
            domain: list.domain,
            views: kinds.map((kind) => [false, kind]),
            mobile_view_mode: "kanban",
        });
    }

    /** Open what an alert counts, or where it is mended. */
    openAlert(alert) {
        return alert.action ? this.action.doAction(alert.action) : this.open(alert.list);
    }

    /** Go where a first step is done. A dialog may lead on to another page: then there is nothing to load. */
    openStep(step) {
        const onClose = () => status(this) === "mounted" && this.load();
        return this.action.doAction(step.action, { onClose });
    }

    async hideFirstSteps() {
        await this.orm.call("saas.dashboard", "hide_first_steps", []);
        return this.load();
    }

    openRecord(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }

    // ---------------------------------------------------------------- for the template

    get isNew() {
        return !this.state.figures.first_steps.has_instance;
    }

    get doneLabel() {
        return _t("Done");
    }

    get toDoLabel() {
        return _t("To do");
    }

    get firstStep() {
        return this.state.figures.first_steps.steps.find((step) => !step.is_done && step.action);
    }

    get activeCount() {
        return this.state.figures.states.find((row) => row.state === "active");
    }

    get stateRows() {
        return this.state.figures.states.map((row) => ({ ...row, color: STATE_COLORS[row.state] }));
    }

    get stateChart() {
        const rows = this.stateRows.filter((row) => row.count);
        return {
            labels: rows.map((row) => row.label),
            lists: rows.map((row) => row.list),
            datasets: [{ data: rows.map((row) => row.count), colors: rows.map((row) => row.color) }],
        };
    }

    get createdChart() {
        const weeks = this.state.figures.weeks;
        return {
            labels: weeks.map((week) => week.label),
            lists: weeks.map((week) => week.list),
            datasets: [
                { label: _t("Instances"), data: weeks.map((week) => week.count), color: "--primary" },
            ],
        };
    }

    get timeChart() {
        const weeks = this.state.figures.weeks;
        return {
            labels: weeks.map((week) => week.label),
            lists: weeks.map((week) => week.list),
            datasets: [
                { label: _t("Median (p50)"), data: weeks.map((week) => week.p50), color: "--success" },
                { label: _t("95 in 100 (p95)"), data: weeks.map((week) => week.p95), color: "--orange" },
            ],
        };
    }

    get hasTimes() {
        return this.state.figures.weeks.some((week) => week.p50 !== null);
    }

    get hasWeeks() {
        return this.state.figures.weeks.some((week) => week.count);
    }

    get revenueChart() {
        const months = this.state.figures.revenue.months;
        return {
            labels: months.map((month) => month.label),
            lists: months.map((month) => month.list),
            datasets: [
                {
                    label: _t("Monthly revenue"),
                    data: months.map((month) => month.amount),
                    color: "--primary",
                },
            ],
        };
    }

    get hasRevenue() {
        return this.state.figures.revenue.months.some((month) => month.amount);
    }

    get createdText() {
        const { growth_percent: growth } = this.state.figures.created;
        if (growth === null) {
            return _t("none in the period before");
        }
        return _t("%s %% against the period before", this.signed(growth));
    }

    get revenueText() {
        const { growth_percent: growth } = this.state.figures.revenue;
        if (growth === null) {
            return _t("of active subscriptions");
        }
        return _t("%s %% against the last month's end", this.signed(growth));
    }

    /** How sums in several currencies came about; empty if there is one currency. */
    get currencyText() {
        const { converted, without_rate: without } = this.state.figures.revenue;
        return [
            converted.length && _t("%s at today's rate", converted.join(", ")),
            without.length && _t("without %s, which has no exchange rate", without.join(", ")),
        ]
            .filter(Boolean)
            .join("; ");
    }

    get trialsText() {
        return _t("%s per month if all stay", this.money(this.state.figures.revenue.trials.amount));
    }

    signed(percent) {
        return (percent > 0 ? "+" : "") + formatFloat(percent, { digits: [0, 0] });
    }

    healthClass(health) {
        return HEALTH_CLASSES[health];
    }

    fillClass(percent) {
        return percent >= 90 ? "bg-danger" : percent >= 80 ? "bg-warning" : "bg-success";
    }

    /** A bar's width, relative to the longest one of its group. */
    share(rows, key, row) {
        const longest = Math.max(...rows.map((other) => other[key]), 1e-9);
        return (100 * row[key]) / longest;
    }

    money(amount) {
        return formatCurrency(amount, this.state.figures.revenue.currency_id, { digits: [0, 0] });
    }

    integer(value) {
        return formatFloat(value, { digits: [0, 0] });
    }

    seconds(value) {
        return value === null ? "–" : _t("%s s", formatFloat(value, { digits: [0, 2] })).replace(" ", "\u00a0");
    }

    daysText(days) {
        return daysText(days);
    }
}

registry.category("actions").add("saas_dashboard", SaasDashboard);
