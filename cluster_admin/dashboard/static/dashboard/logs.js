// Follows the logs: lines as they come, the newest in sight unless somebody looks back.
import { clock } from "./times.js";

const KEPT = 2000; // lines on the page
const BACK_MS = 3000; // before the stream is opened again after a refusal
const AGAIN_LINES = 1000; // told again after a gap; those that are here are left out
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/gu; // would not show, or turn the line

const list = document.getElementById("log");
const button = document.getElementById("log-follow");
const state = document.getElementById("log-state");
const known = new Map(); // by file and offset
let source = null;
let again = null; // what is told again, until it is known to be whole
let waiting = []; // for the next frame
let unseen = 0;

const follows = () => button.getAttribute("aria-pressed") === "true";

function say(text) {
  if (state.textContent !== text) state.textContent = text;
}

function open() {
  if (source || document.hidden) return; // hidden tabs hold no stream
  const url = new URL(list.dataset.stream, location.href);
  if (known.size) {
    again = [];
    url.searchParams.set("lines", AGAIN_LINES);
  }
  source = new EventSource(url);
  source.addEventListener("line", (event) => {
    const line = JSON.parse(event.data);
    if (again) again.push(line);
    else add(line);
  });
  source.addEventListener("heartbeat", () => {
    if (again) catchUp();
    say("live");
  });
  source.addEventListener("skipped", (event) => {
    const told = JSON.parse(event.data);
    note(`${told.bytes} bytes of ${told.source} of ${told.node} are passed over: more comes than can be shown`);
  });
  source.addEventListener("full", (event) => {
    say(JSON.parse(event.data).detail);
    close();
    setTimeout(open, BACK_MS);
  });
  source.addEventListener("error", () => { // never by itself: the address is another then
    close();
    if (!state.textContent.includes(" ")) say("the manager does not answer, or refuses the filter");
    setTimeout(open, BACK_MS);
  });
}

function close() {
  if (source) source.close();
  source = null;
}

function catchUp() {
  const told = again;
  again = null;
  if (told.length && !told.some((line) => known.has(keyOf(line)))) {
    note("lines in between may be missing here: search for them");
  }
  told.forEach(add);
}

const keyOf = (line) => `${line.path}:${line.offset}`;

function add(line) {
  const key = keyOf(line);
  if (known.has(key)) return;
  const row = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = line.time || "";
  time.title = line.time || "";
  time.textContent = line.time ? clock(line.time) : "        ";
  const node = document.createElement("a");
  node.className = "node";
  node.href = list.dataset.node.replace("NODE", encodeURIComponent(line.node));
  node.textContent = line.node;
  const log = document.createElement("span");
  log.className = "source";
  log.textContent = line.source;
  const text = document.createElement("span");
  text.className = "text";
  text.textContent = shown(line.text) + (line.cut ? " …" : "");
  row.append(time, node, log, text);
  known.set(key, row);
  put(row);
}

function shown(text) {
  return text.replace(HIDDEN, (one) => `\\u${one.codePointAt(0).toString(16).padStart(4, "0")}`);
}

function note(text) {
  const row = document.createElement("li");
  row.className = "gap";
  row.textContent = text;
  put(row);
}

function put(row) {
  if (!waiting.length) requestAnimationFrame(show);
  waiting.push(row);
}

function show() {
  unseen = follows() ? 0 : unseen + waiting.length;
  list.append(...waiting.splice(0));
  if (follows() || list.childElementCount > 2 * KEPT) trim();
  if (follows()) list.scrollTop = list.scrollHeight;
  button.textContent = unseen ? `Follow (${unseen} new)` : "Follow";
}

// Lines go at the top; not while somebody reads there, unless it is too many.
function trim() {
  while (list.childElementCount > KEPT) list.firstElementChild.remove();
  for (const [key, row] of known) {
    if (row.isConnected) break;
    known.delete(key);
  }
}

function follow(wanted) {
  button.setAttribute("aria-pressed", String(wanted));
  if (wanted) show();
}

button.addEventListener("click", () => follow(!follows()));
list.addEventListener("scroll", () => {
  const below = list.scrollHeight - list.scrollTop - list.clientHeight;
  if (follows() && below > 40) follow(false);
  else if (!follows() && below < 4) follow(true);
}, { passive: true });
document.addEventListener("keydown", (event) => {
  if (event.key !== "f" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  follow(!follows());
});
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
open();
