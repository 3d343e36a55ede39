import { MessagingMenu } from "@mail/core/public_web/messaging_menu";
import { patch } from "@web/core/utils/patch";

/** Odoo counts its offers to install itself and to turn on notifications as unread messages. They stay in the menu. */
patch(MessagingMenu.prototype, {
    get counter() {
        return super.counter - Number(this.canPromptToInstall) - Number(this.shouldAskPushPermission);
    },
});
