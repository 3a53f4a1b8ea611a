// Sets the theme before anything is painted: as the system, unless chosen here before.
"use strict";
(() => {
  const order = ["auto", "dark", "light"];
  const kept = () => {
    try { return localStorage.getItem("muster.theme") || "auto"; } catch { return "auto"; }
  };
  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(kept());
  document.documentElement.classList.add("js");
  window.musterTheme = () => {
    const next = order[(order.indexOf(kept()) + 1) % order.length];
    try { localStorage.setItem("muster.theme", next); } catch { /* not kept then */ }
    apply(next);
  };
})();
