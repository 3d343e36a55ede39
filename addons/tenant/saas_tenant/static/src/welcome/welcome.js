import { rpc } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";
import { session } from "@web/session";
import { WebClient } from "@web/webclient/webclient";
import { Component, useState } from "@odoo/owl";

/** What the administrator of a new Odoo can do next: a card in a corner, until it is closed. On a small
    screen it folds out of the way of what was opened by it. */
export class SaasWelcome extends Component {
    static template = "saas_tenant.Welcome";
    static props = {};

    setup() {
        this.action = useService("action");
        this.ui = useService("ui");
        this.state = useState({ welcome: session.saas_welcome || null, isFolded: false });
    }

    fold() {
        this.state.isFolded = !this.state.isFolded;
    }

    open(step) {
        this.state.isFolded = this.ui.isSmall;
        this.action.doAction(step.action);
    }

    close() {
        this.state.welcome = null;
        rpc("/web/dataset/call_kw/saas.welcome/close", { model: "saas.welcome", method: "close", args: [], kwargs: {} });
    }
}

WebClient.components = { ...WebClient.components, SaasWelcome };
