// Follows the manager's stream: asks for the live part again when something changed, tells what
// happens in one line, and says since when the page is stale when nothing comes any more.
import { clock, now, setClock } from "./times.js";
import { reload } from "./parts.js";

const SILENT_MS = 3000; // a heartbeat comes every second
const AGES_MS = 4000; // ages of reports are fetched again
const BACK_MS = 2000; // before the stream is opened again after a refusal

let source = null;
let newest = 0;
let mark = "";
let heard = 0; // when anything came
let listener = null;
let broken = "";
let fetched = 0;

const IMPORTANT = new Set([
  "taken", "adopted", "released", "lost", "failed", "dead", "suspected", "alive", "left",
  "conflict", "stuck", "foreign", "unsafe", "safe", "state", "missing",
]);

export function watch() {
  newest = Number(document.body.dataset.newest) || 0;
  heard = performance.now();
  open();
  setInterval(look, 500);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
}

function open() {
  if (source || document.hidden) return; // hidden tabs hold no stream
  source = new EventSource(`${document.body.dataset.stream}?after=${newest}`);
  source.addEventListener("event", (event) => {
    const told = JSON.parse(event.data);
    if (told.id <= newest) return;
    newest = told.id;
    gather(told);
  });
  source.addEventListener("mark", (event) => {
    const fresh = JSON.parse(event.data).mark;
    if (fresh === mark) return;
    mark = fresh;
    update();
  });
  source.addEventListener("heartbeat", (event) => {
    const told = JSON.parse(event.data);
    setClock(told.now);
    listener = told.listener;
    heard = performance.now();
    broken = "";
    say();
  });
  source.addEventListener("full", (event) => {
    broken = JSON.parse(event.data).detail;
  });
  source.addEventListener("error", () => {
    if (source && source.readyState === EventSource.CLOSED) {
      close();
      setTimeout(open, BACK_MS);
    }
  });
}

function close() {
  if (source) source.close();
  source = null;
}

async function update() {
  fetched = performance.now();
  if (!(await reload())) broken = "the manager does not answer";
}

function look() {
  if (document.hidden) return;
  const quiet = performance.now() - heard;
  if (quiet > SILENT_MS && !broken) broken = "the manager does not answer";
  if (!broken && performance.now() - fetched > AGES_MS) update();
  say();
}

function say() {
  const place = document.getElementById("fresh");
  const stale = broken || (listener && listener.stale);
  const state = stale ? "stale" : listener ? "live" : place.dataset.state;
  let text = place.querySelector("[data-text]").textContent;
  if (broken) {
    const since = Math.min(now() - (performance.now() - heard), heardAt());
    text = `stale since ${clock(since)}`;
  } else if (stale) {
    text = listener.heard_at ? `stale since ${clock(listener.heard_at)}` : "never heard";
  } else if (listener) {
    text = "live";
  }
  if (place.dataset.state !== state) place.dataset.state = state;
  document.body.dataset.fresh = state;
  const words = place.querySelector("[data-text]");
  if (words.textContent !== text) words.textContent = text;
  const why = stale ? broken || listener.broker : "";
  if (place.title !== why) {
    place.title = why;
    tell(why || "up to date again");
  }
}

function heardAt() {
  return listener && listener.heard_at ? Date.parse(listener.heard_at) : Infinity;
}

// One line about what happens; a burst of the same is counted.
let burst = [];
let timer = 0;

function gather(told) {
  if (!IMPORTANT.has(told.kind)) return;
  burst.push(told);
  if (!timer) timer = setTimeout(tellBurst, 200);
}

function tellBurst() {
  timer = 0;
  const last = burst.at(-1);
  const same = burst.filter((one) => one.kind === last.kind && one.node === last.node);
  tell(same.length > 1 ? `${clock(last.time)} ${same.length} × ${last.kind} by ${last.node}`
    : sentence(last));
  burst = [];
}

// The same words as event_rows.py.
function sentence(told) {
  let said = `${told.node} ${told.detail || told.kind}`;
  if (told.vip) said = `${told.vip} ${told.kind} by ${told.node}`;
  else if (told.peer && told.peer !== told.node) said = `${told.peer} ${told.kind}, says ${told.node}`;
  if (told.reason) said += `: ${told.reason}`;
  if (told.gap_ms !== null) said += `, not served for ${Math.ceil(told.gap_ms)} ms`;
  return `${clock(told.time)} ${said}`;
}

function tell(text) {
  document.getElementById("ticker").textContent = text;
}
