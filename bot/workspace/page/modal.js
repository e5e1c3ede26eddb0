// Shows the modal that the app opened for this person, and sends what was filled in.

import { drawBlocks } from "./blocks.js";
import { el } from "./dom.js";

export class Modal {
  constructor(dialog, house) {
    this.dialog = dialog;
    this.house = house;
    this.hash = "";
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); house.act({ do: "close" }); });
  }

  show(view) {
    const hash = view ? view.hash : "";
    if (hash === this.hash) { if (view) this.complain(view.errors); return; }
    this.hash = hash;
    if (!view) { this.dialog.close(); return; }
    const context = { names: this.house.view.names, chosen: {}, click: () => {} };
    const body = view.blocks.map((block) => (block.type === "input" ? input(block) : el("div", {}, drawBlocks([block], context))));
    const send = (event) => { event.preventDefault(); this.complain({}); this.house.act({ do: "submit", values: collected(event.target) }); };
    this.dialog.replaceChildren(el("form", { on: { submit: send } },
      el("h2", {}, view.title.text), body, complaint(""),
      el("p", { class: "modal-buttons" },
        el("button", { class: "button", type: "button", on: { click: () => this.house.act({ do: "close" }) } }, (view.close && view.close.text) || "Cancel"),
        view.submit ? el("button", { class: "button primary", type: "submit" }, view.submit.text) : null)));
    if (!this.dialog.open) this.dialog.showModal();
  }

  complain(errors) {
    // What was filled in stays as it is.
    for (const place of this.dialog.querySelectorAll(".modal-error")) place.textContent = errors[place.dataset.of] || "";
  }
}

function complaint(block) {
  return el("span", { class: "modal-error", role: "alert", data: { of: block } });
}

function input(block) {
  const element = block.element;
  const data = { block: block.block_id, action: element.action_id, type: element.type };
  const required = !block.optional;
  if (element.type === "plain_text_input") {
    const tag = element.multiline ? "textarea" : "input";
    return field(block, el(tag, { data, required, minlength: element.min_length, maxlength: element.max_length }));
  }
  const options = (element.options || []).map((option) => el("option", { value: option.value }, option.text.text));
  const hollow = el("option", { value: "" }, element.placeholder ? element.placeholder.text : "");
  return field(block, el("select", { data, required }, hollow, options));
}

function field(block, control) {
  const optional = block.optional ? el("small", {}, " (optional)") : null;
  const hint = block.hint ? el("small", {}, block.hint.text) : null;
  return el("label", { class: "field" }, el("span", {}, block.label.text, optional), control, hint, complaint(block.block_id));
}

function collected(form) {
  const values = {};
  for (const field of form.querySelectorAll("[data-action]")) {
    const { block, action, type } = field.dataset;
    const filled = field.value || null;
    const value = type === "plain_text_input" ? { type, value: filled } : { type, selected_option: filled && { value: filled, text: { type: "plain_text", text: field.selectedOptions[0].text } } };
    values[block] = { ...values[block], [action]: value };
  }
  return values;
}
