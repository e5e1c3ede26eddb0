// Builds elements. Data only ever enters as text or as an attribute, never as markup.

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export function drawing(path, label) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  if (label) svg.setAttribute("data-label", label);
  return svg;
}

export function safeLink(url, label) {
  const text = label || url;
  let parsed = null;
  try { parsed = new URL(url); } catch { /* not a link then */ }
  if (!parsed || !["http:", "https:", "mailto:"].includes(parsed.protocol)) return document.createTextNode(text);
  return el("a", { href: parsed.href, target: "_blank", rel: "noopener noreferrer" }, text);
}

export function initials(name) {
  return name.split(/\s+/).map((word) => word[0] || "").join("").slice(0, 2).toUpperCase();
}

export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 997;
  return `hue-${sum % 8}`;
}

export function avatar(person) {
  const isApp = person.badge === "App";
  return el("span", { class: `avatar ${isApp ? "avatar-app" : hue(person.id)}`, "aria-hidden": "true" },
    isApp ? "H" : initials(person.name));
}

export function badge(text) {
  return text ? el("span", { class: `badge ${text === "App" ? "badge-app" : ""}` }, text) : null;
}
