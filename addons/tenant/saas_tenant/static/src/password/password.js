// Makes the page more comfortable; it also works without JavaScript.

const form = document.querySelector("#saas_password_form");
const [password, confirmation] = form.querySelectorAll("input[autocomplete=new-password]");
const meter = form.querySelector("meter");
const hint = form.querySelector("#saas_password_hint");
const show = form.querySelector("[data-show]");
const enough = Number(password.minLength);

show.hidden = meter.hidden = false;

show.addEventListener("click", () => {
    const visible = password.type === "password";
    password.type = confirmation.type = visible ? "text" : "password";
    show.setAttribute("aria-pressed", String(visible));
    show.firstElementChild.className = visible ? "fa fa-eye-slash" : "fa fa-eye";
});

function judge() {
    const length = password.value.trim().length;
    const words = hint.dataset;
    meter.value = length;
    hint.textContent = length < enough ? words.short : length < meter.optimum ? words.good : words.strong;
    const differs = confirmation.value && confirmation.value.trim() !== password.value.trim();
    confirmation.setCustomValidity(differs ? words.differs : "");
}

form.addEventListener("input", judge);
judge();
