// Everything by keyboard: / filters, j and k move, Enter opens (the row's link has the focus).
import { go } from "./parts.js";

const PLACES = { o: "/", n: "/nodes/", v: "/vips/", c: "/config/", l: "/logs/", i: "/limits/", m: "/mail/", e: "/events/" };
let prefix = -Infinity; // when g was pressed

const shown = (one) => one.offsetParent !== null;
const links = () => [...document.querySelectorAll("tbody a.open, .cards a.name")].filter(shown);

function move(step) {
  const all = links();
  if (!all.length) return;
  const row = document.activeElement?.closest("tr, .card");
  const at = row ? all.findIndex((one) => row.contains(one)) : -1;
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
  const target = all[Math.min(Math.max(next, 0), all.length - 1)];
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

function page(which) {
  const link = document.querySelector(`.pager a[rel=${which}]`);
  if (link) go(link.href);
}

const ACTIONS = {
  "/": () => {
    const field = document.querySelector("[data-focus]");
    if (field) {
      field.focus();
      field.select();
    }
  },
  "?": () => document.getElementById("keys").showModal(),
  j: () => move(1),
  k: () => move(-1),
  n: () => page("next"),
  p: () => page("prev"),
  t: () => window.musterTheme(),
};

export function listen() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    if (target.matches("input, select, textarea")) {
      if (key === "Escape" && !target.closest("dialog")) target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (performance.now() - prefix < 1500 && PLACES[key]) {
      event.preventDefault();
      location.assign(PLACES[key]);
      return;
    }
    prefix = key === "g" ? performance.now() : -Infinity;
    if (ACTIONS[key]) {
      event.preventDefault();
      ACTIONS[key]();
    }
  });
}
