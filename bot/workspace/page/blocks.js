// Draws Block Kit. Unknown blocks show as nothing but their name, so that a gap is seen.

import { drawing, el, safeLink } from "./dom.js";

const THUMB = "M2.5 9h3v8.5h-3zM7.2 16.6V9.3l3.6-6.4c1.4 0 2.2 1.1 1.9 2.6L12 8.4h4.3c1.2 0 2 1.1 1.7 2.2l-1.4 5.4c-.2.9-1 1.5-1.9 1.5H9.1c-.8 0-1.4-.3-1.9-.9z";
const TRASH = "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11";
const EMOJI = { "+1": "\u{1F44D}", "-1": "\u{1F44E}", thumbsup: "\u{1F44D}", thumbsdown: "\u{1F44E}", wave: "\u{1F44B}", eyes: "\u{1F440}", white_check_mark: "✅", hourglass: "⏳" };

export function emoji(name) {
  return EMOJI[name.split("::")[0]] || `:${name}:`;
}

export function drawBlocks(blocks, context) {
  return blocks.map((block) => el("div", { class: `block block-${block.type}`, data: { block: block.type } }, drawBlock(block, context)));
}

function drawBlock(block, context) {
  switch (block.type) {
    case "rich_text": return block.elements.map((part) => richPart(part, context));
    case "section": return [
      block.text ? el("p", {}, textObject(block.text, context)) : null,
      ...(block.fields || []).map((field) => el("p", { class: "field" }, textObject(field, context))),
      block.accessory ? control(block.accessory, context) : null,
    ];
    case "context": return block.elements.map((element) =>
      element.type === "image" ? el("span", {}, `[${element.alt_text}]`) : el("span", {}, textObject(element, context)));
    case "context_actions": return block.elements.map((element) => control(element, context));
    case "actions": return block.elements.map((element) => control(element, context));
    case "header": return [el("h3", {}, block.text.text)];
    case "divider": return [el("hr")];
    case "markdown": return [el("p", {}, block.text)];
    case "image": return [el("span", {}, `[${block.alt_text}]`)];
    default: return [el("em", {}, `(${block.type})`)];
  }
}

function richPart(part, context) {
  const inline = () => part.elements.map((element) => richInline(element, context));
  switch (part.type) {
    case "rich_text_section": return el("p", {}, inline());
    case "rich_text_quote": return el("blockquote", {}, inline());
    case "rich_text_preformatted": return el("pre", {}, inline());
    case "rich_text_list": return el(part.style === "ordered" ? "ol" : "ul", { class: `indent-${part.indent || 0}`, start: part.offset ? part.offset + 1 : null },
      part.elements.map((item) => el("li", {}, item.elements.map((element) => richInline(element, context)))));
    default: return el("em", {}, `(${part.type})`);
  }
}

const STYLES = [["bold", "strong"], ["italic", "em"], ["strike", "s"], ["code", "code"], ["underline", "u"]];

function richInline(element, context) {
  let node = inlineNode(element, context);
  for (const [style, tag] of STYLES) if (element.style && element.style[style]) node = el(tag, {}, node);
  return node;
}

function inlineNode(element, context) {
  switch (element.type) {
    case "text": return document.createTextNode(element.text);
    case "link": return safeLink(element.url, element.text);
    case "user": return mention(element.user_id, context);
    case "usergroup": return el("span", { class: "mention" }, "@group");
    case "channel": return el("span", { class: "mention" }, `#${element.channel_id}`);
    case "broadcast": return el("span", { class: "mention" }, `@${element.range}`);
    case "emoji": return document.createTextNode(emoji(element.name));
    default: return document.createTextNode("");
  }
}

function mention(id, context) {
  return el("span", { class: "mention" }, `@${context.names[id] || id}`);
}

function textObject(object, context) {
  return object.type === "mrkdwn" ? mrkdwn(object.text, context) : [document.createTextNode(object.text)];
}

const MRKDWN = /<([^<>]+)>|\*([^*\n]+)\*|(?<![\w_])_([^_\n]+)_(?!\w)|`([^`\n]+)`/g;

export function mrkdwn(text, context) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(MRKDWN)) {
    nodes.push(document.createTextNode(unescaped(text.slice(end, match.index))));
    nodes.push(mrkdwnNode(match, context));
    end = match.index + match[0].length;
  }
  nodes.push(document.createTextNode(unescaped(text.slice(end))));
  return nodes;
}

function mrkdwnNode([, angle, bold, italic, code], context) {
  if (bold) return el("strong", {}, unescaped(bold));
  if (italic) return el("em", {}, unescaped(italic));
  if (code) return el("code", {}, unescaped(code));
  if (angle.startsWith("@")) return mention(angle.slice(1).split("|")[0], context);
  if (angle.startsWith("!") || angle.startsWith("#")) return el("span", { class: "mention" }, `@${angle.slice(1).split("|").pop()}`);
  const [url, label] = angle.split("|");
  return safeLink(unescaped(url), label && unescaped(label));
}

function unescaped(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function control(element, context) {
  switch (element.type) {
    case "feedback_buttons": return feedback(element, context);
    case "icon_button": return el("button", { class: "icon", type: "button", "aria-label": element.accessibility_label || element.text.text, title: element.text.text, on: { click: () => context.click(element.value || element.action_id) } }, drawing(TRASH));
    case "button": return button(element, context);
    default: return el("em", {}, `(${element.type})`);
  }
}

function button(element, context) {
  const press = () => {
    if (element.url) window.open(element.url, "_blank", "noopener,noreferrer");
    context.click(element.value || element.action_id);
  };
  return el("button", { class: `button ${element.style || ""}`, type: "button", "aria-label": element.accessibility_label, on: { click: press } }, element.text.text);
}

function feedback(element, context) {
  const chosen = context.chosen[element.action_id];
  const side = (part, name) => el("button", {
    class: `icon thumb thumb-${name}`, type: "button", title: part.text.text,
    "aria-label": part.accessibility_label || part.text.text,
    "aria-pressed": String(chosen === part.value), data: { value: part.value },
    on: { click: () => context.click(part.value) },
  }, drawing(THUMB));
  return el("span", { class: "feedback", role: "group", "aria-label": "Feedback" },
    side(element.positive_button, "up"), side(element.negative_button, "down"));
}
