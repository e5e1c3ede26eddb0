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
    if (hash === this.hash) return;
    this.hash = hash;
    if (!view) { this.dialog.close(); return; }
    const context = { names: this.house.view.names, chosen: {}, click: () => {} };
    const body = view.blocks.map((block) => (block.type === "input" ? input(block) : el("div", {}, drawBlocks([block], context))));
    const send = (event) => { event.preventDefault(); this.house.act({ do: "submit", values: collected(event.target) }); };
    this.dialog.replaceChildren(el("form", { on: { submit: send } },
      el("h2", {}, view.title.text), body,
      el("p", { class: "modal-buttons" },
        el("button", { class: "button", type: "button", on: { click: () => this.house.act({ do: "close" }) } }, (view.close && view.close.text) || "Cancel"),
        view.submit ? el("button", { class: "button primary", type: "submit" }, view.submit.text) : null)));
    if (!this.dialog.open) this.dialog.showModal();
  }
}

function input(block) {
  const element = block.element;
  const data = { block: block.block_id, action: element.action_id, type: element.type };
  const required = !block.optional;
  if (element.type === "plain_text_input") {
    const tag = element.multiline ? "textarea" : "input";
    return el("label", { class: "field" }, block.label.text, el(tag, { data, required, minlength: element.min_length, maxlength: element.max_length }));
  }
  const options = (element.options || []).map((option) => el("option", { value: option.value }, option.text.text));
  return el("label", { class: "field" }, block.label.text, el("select", { data, required }, el("option", { value: "" }, ""), options));
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
