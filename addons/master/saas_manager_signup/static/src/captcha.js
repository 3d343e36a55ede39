// The widget, with its worker as a file, as the page's Content-Security-Policy requires.
import "../lib/altcha/altcha.min.js?v=3.2.2";
import "../lib/altcha/i18n/fr-fr.js?v=3.2.2";
import "../lib/altcha/i18n/vi.js?v=3.2.2";

const worker = new URL("../lib/altcha/pbkdf2.js?v=3.2.2", import.meta.url);
globalThis.$altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(worker));
