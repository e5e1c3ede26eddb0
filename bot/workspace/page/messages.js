// Draws a list of messages, and touches only those that changed.

import { drawBlocks, emoji, mrkdwn } from "./blocks.js";
import { avatar, badge, el } from "./dom.js";

const GROUP_S = 300;

function time(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

function day(ts) {
  const date = new Date(Number(ts) * 1000);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

function follows(message, before) {
  if (!before || message.is_ephemeral || before.is_ephemeral || before.reply_count) return false;
  return before.author.id === message.author.id && Number(message.ts) - Number(before.ts) < GROUP_S && day(before.ts) === day(message.ts);
}

export class MessageList {
  constructor(box, house) {
    this.box = box;
    this.house = house;
    this.drawn = new Map();
    this.place = "";
  }

  show(messages, place, { inThread = false, emptyText = "" } = {}) {
    const isNewPlace = place !== this.place;
    const wasAtEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 80;
    if (isNewPlace) { this.clear(); this.place = place; }
    const nodes = [];
    messages.forEach((message, index) => {
      const before = messages[index - 1];
      if (!inThread && (!before || day(before.ts) !== day(message.ts))) nodes.push(this.node(`day ${day(message.ts)}`, "", () => el("p", { class: "day" }, el("span", {}, day(message.ts)))));
      const isFollowing = follows(message, before);
      nodes.push(this.node(message.ts, JSON.stringify([message, isFollowing]), () => this.draw(message, isFollowing, inThread)));
      if (inThread && index === 0 && messages.length > 1) nodes.push(this.node("count", String(messages.length), () => el("p", { class: "day" }, el("span", {}, replies(messages.length - 1)))));
    });
    if (!messages.length && emptyText) nodes.push(el("p", { class: "empty" }, emptyText));
    this.arrange(nodes);
    if (isNewPlace || wasAtEnd) this.box.scrollTop = this.box.scrollHeight;
  }

  clear() {
    this.box.replaceChildren();
    this.drawn.clear();
    this.place = "";
  }

  arrange(nodes) {
    const kept = new Set(nodes);
    for (const child of [...this.box.children]) if (!kept.has(child)) child.remove();
    nodes.forEach((node, index) => {
      if (this.box.children[index] !== node) this.box.insertBefore(node, this.box.children[index] || null);
    });
  }

  node(key, signature, draw) {
    const old = this.drawn.get(key);
    if (old && old.signature === signature) return old.node;
    const node = draw();
    if (old) {
      const focused = old.node.contains(document.activeElement) ? document.activeElement.dataset.value : null;
      old.node.replaceWith(node);
      if (focused) [...node.querySelectorAll("[data-value]")].find((one) => one.dataset.value === focused)?.focus();
    }
    this.drawn.set(key, { signature, node });
    return node;
  }

  draw(message, isFollowing, inThread) {
    const author = message.author;
    const context = {
      names: this.house.view.names,
      chosen: message.chosen,
      click: (value) => this.house.act({ do: "click", channel: this.house.view.channel.id, ts: message.ts, value }),
    };
    const body = message.blocks.length ? drawBlocks(message.blocks, context) : [el("div", { class: "block" }, el("p", {}, mrkdwn(message.text, context)))];
    const head = isFollowing ? null : el("p", { class: "head" },
      el("b", {}, author.name), badge(author.badge), el("time", {}, time(message.ts)));
    const whisper = message.is_ephemeral ? el("p", { class: "whisper" }, "Only visible to you") : null;
    const foot = [this.reactions(message), inThread ? null : this.threadLink(message)];
    return el("article", {
      class: `message ${isFollowing ? "message-following" : ""} ${message.is_ephemeral ? "message-whisper" : ""} ${message.is_warning ? "message-warning" : ""}`,
      data: { ts: message.ts, author: author.id },
    }, isFollowing ? el("span", { class: "gutter" }, time(message.ts)) : avatar(author),
    el("div", { class: "content" }, whisper, head, body, message.is_edited ? el("span", { class: "edited" }, "(edited)") : null, foot),
    inThread || message.is_ephemeral ? null : el("button", { class: "reply", type: "button", on: { click: () => this.house.openThread(message.thread_ts || message.ts) } }, "Reply in thread"));
  }

  reactions(message) {
    if (!message.reactions.length) return null;
    return el("p", { class: "reactions" }, message.reactions.map((one) => el("span", {}, `${emoji(one.name)} ${one.count}`)));
  }

  threadLink(message) {
    if (!message.reply_count) return null;
    return el("button", { class: "replies", type: "button", on: { click: () => this.house.openThread(message.ts) } },
      el("b", {}, replies(message.reply_count)), el("span", {}, ` Last reply at ${time(message.latest_reply)}`));
  }
}

function replies(count) {
  return count === 1 ? "1 reply" : `${count} replies`;
}
