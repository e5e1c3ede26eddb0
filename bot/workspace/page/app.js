// The workspace as one person sees it: asks for a picture, draws it, asks again when told to.

import { Composer } from "./composer.js";
import { avatar, badge, el } from "./dom.js";
import { MessageList } from "./messages.js";
import { Modal } from "./modal.js";

const $ = (id) => document.getElementById(id);
const remembered = window.sessionStorage;

class House {
  constructor() {
    this.me = remembered.getItem("me") || "";
    this.view = null;
    this.asked = null;
    this.isFetching = false;
    this.isStale = false;
    this.place = placeFromAddress();
    this.list = new MessageList($("messages"), this);
    this.threadList = new MessageList($("thread"), this);
    this.modal = new Modal($("modal"), this);
    const shared = { people: () => this.view.channel.people, commands: () => this.view.commands };
    this.composer = new Composer($("composer"), { ...shared, send: (text) => this.send(text, "") });
    this.replies = new Composer($("thread-composer"), { ...shared, send: (text) => this.send(text, this.place.thread) });
    $("thread-close").addEventListener("click", () => this.openThread(""));
    $("person").addEventListener("change", (event) => this.become(event.target.value));
    window.addEventListener("hashchange", () => { this.place = placeFromAddress(); this.refresh(); });
  }

  async start() {
    const { team, people } = await getJson("/page/people");
    document.title = team;
    this.people = people;
    $("person").replaceChildren(...people.map((one) => el("option", { value: one.id }, one.badge ? `${one.name} (${one.badge})` : one.name)));
    $("door-people").replaceChildren(...people.map((one) => el("li", {}, el("button", { type: "button", data: { person: one.id }, on: { click: () => this.become(one.id) } },
      avatar(one), el("span", { class: "door-text" }, el("span", { class: "door-name" }, el("b", {}, one.name), badge(one.badge)), el("span", { class: "door-title" }, one.title))))));
    if (people.some((one) => one.id === this.me)) await this.become(this.me);
    else $("door").hidden = false;
  }

  async become(id) {
    this.me = id;
    remembered.setItem("me", id);
    this.asked = null;
    this.list.clear();
    this.threadList.clear();
    this.composer.clear();
    this.replies.clear();
    $("door").hidden = true;
    $("person").value = id;
    $("my-avatar").replaceChildren(avatar(this.people.find((one) => one.id === id)));
    await this.act({ do: "reload" });
    this.listen();
  }

  listen() {
    if (this.stream) this.stream.close();
    this.stream = new EventSource(`/page/stream?as=${encodeURIComponent(this.me)}`);
    this.stream.onmessage = () => this.refresh();
  }

  async act(what) {
    const response = await fetch("/page/act", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...what, as: this.me }) });
    const done = await response.json();
    if (!done.ok) this.notice(done.reason);
    return done;
  }

  async send(text, thread) {
    const kind = text.startsWith("/") ? "command" : "say";
    const done = await this.act({ do: kind, channel: this.place.channel, text, thread_ts: thread });
    if (done.ok && done.ts && !thread) this.asked = done.ts;
    return done.ok;
  }

  async refresh() {
    if (this.isFetching) { this.isStale = true; return; }
    this.isFetching = true;
    do {
      this.isStale = false;
      const query = new URLSearchParams({ as: this.me, channel: this.place.channel, thread: this.place.thread });
      this.view = await getJson(`/page/view?${query}`);
      this.draw();
    } while (this.isStale);
    this.isFetching = false;
  }

  draw() {
    const { channel, channels } = this.view;
    if (!channel) { this.go(channels[0] ? channels[0].id : ""); if (channels[0]) return; }
    $("house").hidden = false;
    $("team").textContent = this.view.team;
    this.drawSidebar();
    if (channel) this.drawChannel(channel);
    this.modal.show(this.view.modal);
  }

  drawSidebar() {
    const entry = (one) => {
      const isHere = one.id === this.place.channel;
      if (isHere) remembered.setItem(`seen ${this.me} ${one.id}`, one.latest);
      const isNew = one.latest > (remembered.getItem(`seen ${this.me} ${one.id}`) || "");
      return el("li", {}, el("button", { type: "button", class: isNew ? "unread" : "", data: { channel: one.id }, "aria-current": isHere ? "page" : null, on: { click: () => this.go(one.id) } },
        el("span", { class: one.kind === "group" ? "mark lock" : one.kind === "im" ? "mark dot" : "mark", "aria-hidden": "true" }, one.kind === "channel" ? "#" : ""), one.name,
        one.is_shared ? el("span", { class: "badge" }, "shared") : null));
    };
    const signature = JSON.stringify([this.me, this.place.channel, this.view.channels]);
    if (signature === this.sidebar) return;  // a button that is being pressed stays the same
    this.sidebar = signature;
    const isDm = (one) => one.kind === "im" || one.kind === "mpim";
    $("channels").replaceChildren(...this.view.channels.filter((one) => !isDm(one)).map(entry));
    $("dms").replaceChildren(...this.view.channels.filter(isDm).map(entry));
  }

  drawChannel(channel) {
    $("title").textContent = channel.kind === "im" ? channel.name : `#${channel.name}`;
    const people = channel.kind === "im" ? "" : `${channel.people.length} members`;
    $("purpose").replaceChildren(...[people, channel.purpose].filter(Boolean).map((text) => el("span", {}, text)), ...(channel.is_shared ? [badge("shared with another company")] : []));
    const place = `${this.me} ${channel.id}`;
    this.list.show(this.view.messages, place, { emptyText: emptyText(channel) });
    this.composer.allow(channel.is_member, channel.is_member ? `Message ${channel.kind === "im" ? channel.name : `#${channel.name}`}` : "Join to write here");
    this.offerJoin(channel);
    this.followUp();
    const thread = this.view.thread;
    $("thread-pane").hidden = !thread;
    $("house").classList.toggle("with-thread", Boolean(thread));
    if (!thread) { this.threadList.clear(); return; }
    $("thread-place").textContent = $("title").textContent;
    this.threadList.show(thread, `${place} ${this.place.thread}`, { inThread: true });
    this.replies.allow(channel.is_member, "Reply…");
  }

  offerJoin(channel) {
    const old = $("join");
    if (old) old.remove();
    if (channel.is_member) return;
    $("composer").append(el("button", { id: "join", class: "button primary", type: "button", on: { click: () => this.act({ do: "join", channel: channel.id }) } }, "Join"));
  }

  followUp() {
    // The thread under one's own new question opens by itself when the answer comes, whichever is open.
    const mine = this.view.messages.find((one) => one.ts === this.asked);
    if (mine && mine.reply_count) { this.asked = null; this.openThread(mine.ts); }
  }

  openThread(ts) { this.go(this.place.channel, ts); }

  go(channel, thread = "") {
    const address = `#/${channel}${thread ? `/${thread}` : ""}`;
    if (window.location.hash !== address) window.location.hash = address;
  }

  notice(text) {
    $("notice").textContent = text;
    $("notice").hidden = false;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => { $("notice").hidden = true; }, 5000);
  }
}

function placeFromAddress() {
  const [, channel = "", thread = ""] = window.location.hash.split("/").map(decodeURIComponent);
  return { channel, thread };
}

function emptyText(channel) {
  return channel.kind === "im" ? `This is the beginning of your conversation with ${channel.name}. Ask away.` : "Nothing has been said here yet. Mention @housevoice to ask something.";
}

async function getJson(address) {
  const response = await fetch(address);
  return response.json();
}

new House().start();
