// Live updates. The stream carries nudges ("incident 17 is now version 5"), never content; the page refetches only what it
// shows, through the ordinary address and permissions, jittered, at most once a second. When the stream is away, it polls.
const root = document.querySelector("[data-live]");
const JITTER = 500;
const AT_MOST = 1000;
const POLL = 20000;
let wanted = new Set();
let timer = null;
let last = 0;
let source = null;
let failures = 0;
let polling = null;

function want(name) {
  wanted.add(name);
  if (timer) return;
  const wait = Math.max(AT_MOST - (Date.now() - last), 0) + Math.random() * JITTER;
  timer = setTimeout(() => {
    timer = null;
    last = Date.now();
    const names = wanted;
    wanted = new Set();
    document.dispatchEvent(new CustomEvent("firstline:nudge", { detail: { names } }));
  }, wait);
}

function nudge(event) {
  let data;
  try { data = JSON.parse(event.data); } catch { return; }
  for (const item of data) want(`${event.type}:${item.id}`);
}

async function connect() {
  clearTimeout(polling);
  try {
    const answer = await fetch(root.dataset.live, { method: "POST", headers: { "X-CSRFToken": root.dataset.csrf }, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const { url } = await answer.json();
    source = new EventSource(url);
  } catch { return retry(); }
  source.addEventListener("open", () => {
    if (failures) want("all"); // something may have happened while we were away
    failures = 0;
    document.documentElement.dataset.stream = "open";
  });
  for (const name of ["incident", "alert", "queue"]) source.addEventListener(name, nudge);
  source.addEventListener("resync", () => want("all"));
  // A ticket lives five minutes: the stream ends with "bye", and a new ticket opens a new one.
  source.addEventListener("bye", () => { source.close(); connect(); });
  source.addEventListener("error", () => { source.close(); retry(); });
}

function retry() {
  failures += 1;
  delete document.documentElement.dataset.stream;
  if (failures > 2) want("all");
  polling = setTimeout(connect, Math.min(POLL, 1000 * 2 ** failures) * (0.7 + Math.random() * 0.6));
}

function queue(names) {
  const list = document.querySelector("[data-live-rows]");
  if (!list) return;
  const shown = [...list.querySelectorAll("[data-row]")].map((row) => row.dataset.row);
  const stale = names.has("all") ? shown : shown.filter((id) => names.has(`incident:${id}`));
  if (stale.length) htmx.ajax("GET", `${list.dataset.liveRows}${list.dataset.liveRows.includes("?") ? "&" : "?"}rows=${stale.join(",")}`, { target: list, swap: "none" });
  if (names.has("all") || [...names].some((n) => n.startsWith("incident:") && !shown.includes(n.slice(9)))) {
    htmx.ajax("GET", list.dataset.liveNew, { target: "#new-bar", swap: "innerHTML" });
  }
}

function page(names) {
  for (const part of document.querySelectorAll("[data-live-on]")) {
    if (names.has("all") || part.dataset.liveOn.split(" ").some((n) => names.has(n))) {
      htmx.ajax("GET", part.dataset.liveFrom, { target: part, swap: "outerMorph" });
    }
  }
}

document.addEventListener("firstline:nudge", ({ detail }) => { queue(detail.names); page(detail.names); });

if (root) {
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
