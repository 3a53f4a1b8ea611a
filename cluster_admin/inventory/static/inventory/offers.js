/* A name chosen in the small field goes to the end of the list beside it, once. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const offer of document.querySelectorAll("input[data-offers-for]")) {
    const lines = document.getElementById(offer.dataset.offersFor);
    const names = new Set(Array.from(offer.list.options, (one) => one.value));
    const add = () => {
      const name = offer.value.trim();
      const there = lines.value.split(/[,\r\n]+/).map((one) => one.trim()).filter(Boolean);
      if (!there.includes(name)) {
        lines.value = [...there, name].join("\n");
      }
      offer.value = "";
    };
    offer.addEventListener("input", (event) => {
      /* Typing "mta1" on the way to "mta10" is no choice; only one from the list is. */
      const chosen = !event.inputType || event.inputType === "insertReplacementText";
      if (chosen && names.has(offer.value.trim())) {
        add();
      }
    });
    offer.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        if (offer.value.trim()) {
          add();
        }
      }
    });
  }
});
