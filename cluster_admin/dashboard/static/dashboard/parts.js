// Fetches parts of pages: the live part again, tables by other filters, what is loaded on demand.
import { morph } from "./morph.js";
import { refresh } from "./times.js";

const WAIT_MS = 100; // between two fetches at least
const TYPING_MS = 250; // after the last key in a filter
let fetching = null;
let again = false;
let typed = 0;

export const live = () => document.querySelector("[data-live]");

// Fetches the live part of the address shown. Calls while one is under way make one more.
export async function reload() {
  if (!live()) return true;
  if (fetching) {
    again = true;
    return fetching;
  }
  fetching = (async () => {
    let done = await fetchOnce();
    while (again) {
      again = false;
      await new Promise((go) => setTimeout(go, WAIT_MS));
      done = await fetchOnce();
    }
    return done;
  })();
  try {
    return await fetching;
  } finally {
    fetching = null;
  }
}

async function fetchOnce() {
  const url = location.pathname + location.search;
  let answer;
  try {
    answer = await fetch(url, { headers: { "X-Muster-Part": "live" }, cache: "no-store" });
  } catch {
    return false;
  }
  if (answer.redirected) { // the session has ended
    location.reload();
    return false;
  }
  if (!answer.ok) return false;
  const text = await answer.text();
  if (url !== location.pathname + location.search) { // asked for something else meanwhile
    again = true;
    return true;
  }
  show(text);
  return true;
}

function show(text) {
  const place = live();
  const before = states();
  const fresh = place.cloneNode(false);
  fresh.innerHTML = text;
  morph(place, fresh);
  refresh();
  mark(before);
}

const KEYED = "tr[data-vip], [data-node][id]";
const said = (one) => [one.dataset.owner, one.dataset.state, one.dataset.verdict].join(" ");

function states() {
  return new Map([...document.querySelectorAll(KEYED)].map((one) => [one.id, said(one)]));
}

// Lets what changed glow for a moment.
function mark(before) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const glow = getComputedStyle(document.documentElement).getPropertyValue("--glow");
  for (const one of document.querySelectorAll(KEYED)) {
    if (before.has(one.id) && before.get(one.id) !== said(one)) {
      one.animate([{ backgroundColor: glow }, {}], { duration: 2500, easing: "ease-out" });
    }
  }
}

// Goes to another address of the same page, without loading all of it if it has a live part.
export function go(url, replace = false) {
  if (!live()) return location.assign(url);
  history[replace ? "replaceState" : "pushState"](null, "", url);
  for (const link of document.querySelectorAll("[data-csv]")) {
    const query = new URLSearchParams(location.search);
    for (const name of ["page", "before", "was"]) query.delete(name);
    query.set("format", "csv");
    link.href = `${link.dataset.csv}?${query}`;
  }
  return reload();
}

function filtersOf(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value.trim() && !["sort", "size"].includes(name)) query.set(name, value.trim());
  }
  const shown = new URLSearchParams(location.search);
  for (const name of ["sort", "size"]) if (shown.get(name)) query.set(name, shown.get(name));
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "");
}

function fill(form) {
  const query = new URLSearchParams(location.search);
  for (const field of form.elements) if (field.name) field.value = query.get(field.name) || "";
}

async function load(place) {
  try {
    const answer = await fetch(place.dataset.load, { cache: "no-store" });
    if (!answer.ok || answer.redirected) throw new Error();
    place.innerHTML = await answer.text();
    refresh();
  } catch {
    place.textContent = "The manager did not answer: load the page again.";
  }
}

function clicked(event) {
  const one = event.target.closest("a, button");
  if (!one || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const { dataset } = one;
  if ("swap" in dataset) {
    event.preventDefault();
    go(one.href);
  } else if ("clear" in dataset) {
    event.preventDefault();
    go(location.pathname);
    fill(one.form || one.closest("form"));
  } else if (one.closest("[data-load]") && one.parentElement.dataset.load) {
    event.preventDefault();
    load(one.parentElement);
  } else if (dataset.open) {
    document.getElementById(dataset.open).showModal();
  } else if ("close" in dataset) {
    one.closest("dialog").close();
  } else if ("themeToggle" in dataset) {
    window.musterTheme();
  } else if ("keys" in dataset) {
    document.getElementById("keys").showModal();
  }
}

function changed(event) {
  const form = event.target.closest("[data-filters]");
  if (!form) return;
  clearTimeout(typed);
  typed = setTimeout(() => go(filtersOf(form), true), event.type === "change" ? 0 : TYPING_MS);
}

export function tend() {
  document.addEventListener("click", clicked);
  document.addEventListener("input", changed);
  document.addEventListener("change", changed);
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-filters]");
    if (!form) return;
    event.preventDefault();
    clearTimeout(typed);
    go(filtersOf(form));
  });
  addEventListener("popstate", () => {
    document.querySelectorAll("[data-filters]").forEach(fill);
    reload();
  });
  document.querySelectorAll("[data-load-now]").forEach(load);
}
