// Where a person writes: Enter sends, Shift+Enter breaks the line, @ and / suggest.

import { avatar, badge, drawing, el } from "./dom.js";

const SEND = "M3 17l14-7L3 3v5.5l8 1.5-8 1.5z";

export class Composer {
  constructor(form, { people, commands, send }) {
    this.people = people;
    this.commands = commands;
    this.send = send;
    this.chosen = 0;
    this.found = [];
    this.list = el("ul", { class: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
    this.field = el("textarea", { rows: 1, "aria-label": form.getAttribute("aria-label"), autocomplete: "off", spellcheck: "false" });
    this.button = el("button", { class: "send", type: "submit", "aria-label": "Send" }, drawing(SEND));
    form.append(this.list, this.field, this.button);
    form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.field.addEventListener("input", () => { this.grow(); this.suggest(); });
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("blur", () => this.hide());
  }

  allow(isAllowed, placeholder) {
    this.field.disabled = !isAllowed;
    this.button.disabled = !isAllowed;
    this.field.placeholder = placeholder;
  }

  clear() { this.field.value = ""; this.grow(); this.hide(); }

  grow() {
    this.field.rows = Math.min(8, Math.max(1, this.field.value.split("\n").length));
  }

  async submit() {
    const text = this.field.value.trim();
    if (!text) return;
    this.hide();
    if (await this.send(text)) this.clear();
  }

  key(event) {
    if (!this.list.hidden && ["ArrowDown", "ArrowUp", "Tab", "Enter", "Escape"].includes(event.key)) {
      if (this.pick(event.key)) event.preventDefault();
      return;
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.submit(); }
  }

  pick(key) {
    if (key === "Escape") this.hide();
    else if (key === "Enter" || key === "Tab") this.take(this.found[this.chosen]);
    else { this.chosen = (this.chosen + (key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length; this.draw(); }
    return true;
  }

  suggest() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    const typed = /(^|\s)([@/])([\w.-]*)$/.exec(before);
    if (!typed) return this.hide();
    const [, , mark, word] = typed;
    if (mark === "/" && before.trim() !== `/${word}`) return this.hide();
    this.found = (mark === "@" ? this.mentions(word) : this.matches(word)).filter((one) => one.insert !== mark + word);
    this.from = before.length - word.length - 1;
    this.chosen = 0;
    return this.found.length ? this.draw() : this.hide();
  }

  mentions(word) {
    const wanted = word.toLowerCase();
    const isMatch = (one) => one.handle.startsWith(wanted) || one.name.toLowerCase().split(" ").some((part) => part.startsWith(wanted));
    const sorted = this.people().filter(isMatch).sort((a, b) => (b.badge === "App") - (a.badge === "App"));
    return sorted.slice(0, 6).map((person) => ({ insert: `@${person.handle}`, person }));
  }

  matches(word) {
    return this.commands().filter((one) => one.startsWith(`/${word}`)).map((one) => ({ insert: one }));
  }

  draw() {
    this.list.replaceChildren(...this.found.map((one, index) => el("li", {
      role: "option", "aria-selected": String(index === this.chosen),
      on: { mousedown: (event) => { event.preventDefault(); this.take(one); } },
    }, one.person ? [avatar(one.person), el("b", {}, one.person.name), badge(one.person.badge), el("span", {}, one.insert)] : [el("b", {}, one.insert)])));
    this.list.hidden = false;
  }

  take(one) {
    const end = this.field.selectionStart;
    this.field.setRangeText(`${one.insert} `, this.from, end, "end");
    this.hide();
    this.field.focus();
  }

  hide() { this.list.hidden = true; }
}
