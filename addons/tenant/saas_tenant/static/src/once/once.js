// A press is seen at once and counts once, although the next page takes a moment to come.

for (const form of document.querySelectorAll("form[data-once]")) {
    const button = form.querySelector("button[type=submit]");
    const spinner = document.createElement("i");
    spinner.className = "fa fa-circle-o-notch fa-spin me-2";
    spinner.setAttribute("aria-hidden", "true");

    form.addEventListener("submit", (event) => {
        if (spinner.isConnected) {
            event.preventDefault();
            return;
        }
        button.setAttribute("aria-disabled", "true");
        button.classList.add("disabled");
        button.prepend(spinner);
    });
    // The user may come back to this page.
    addEventListener("pageshow", () => {
        button.removeAttribute("aria-disabled");
        button.classList.remove("disabled");
        spinner.remove();
    });
}
