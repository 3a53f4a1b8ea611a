// The configuration's pages: which way differences are shown, the editor's keys, taking a pane.
const VIEWS = ["side", "unified"];
const NARROW = matchMedia("(width < 760px)");

function kept() {
  try { return localStorage.getItem("muster.diff") || ""; } catch { return ""; }
}

function showAs(view) {
  if (VIEWS.includes(view)) document.documentElement.dataset.diff = view;
  press();
}

function press() {
  const shown = document.documentElement.dataset.diff || (NARROW.matches ? "unified" : "side");
  for (const one of document.querySelectorAll("[data-diff-view]")) {
    one.setAttribute("aria-pressed", String(one.dataset.diffView === shown));
  }
}

let unsaved = false;

document.addEventListener("click", (event) => {
  const one = event.target.closest("[data-diff-view], [data-take]");
  if (!one) return;
  if (one.dataset.diffView) {
    try { localStorage.setItem("muster.diff", one.dataset.diffView); } catch { /* not kept then */ }
    showAs(one.dataset.diffView);
  } else {
    const into = document.getElementById(one.dataset.into);
    into.value = document.getElementById(one.dataset.take).textContent;
    unsaved = true;
    into.closest("section").querySelector("[value=result]").checked = true;
    into.focus();
  }
});
document.addEventListener("input", (event) => {
  if (event.target.closest("[data-unsaved]")) unsaved = true;
});
document.addEventListener("submit", () => { unsaved = false; });
addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.form?.matches(".editor, .commit, [data-unsaved]")) {
    event.preventDefault();
    target.form.querySelector("button.primary")?.click();
  }
});
// Live parts are put in place anew.
new MutationObserver(press).observe(document.querySelector("main"), { childList: true, subtree: true });
NARROW.addEventListener("change", press);
// On a narrow screen the tabs scroll: the one of this page is in sight.
const tabs = document.querySelector(".tabs");
const tab = tabs?.querySelector("[aria-current]");
if (tab) tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
showAs(kept());
press();
