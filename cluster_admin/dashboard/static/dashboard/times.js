// Keeps "how long ago" current, by the manager's clock: the browser's own may be wrong.
const UNITS = [["d", 86400], ["h", 3600], ["min", 60]];
let ahead = 0; // milliseconds that the browser's clock is ahead of the manager's

export function now() {
  return Date.now() - ahead;
}

export function setClock(text) {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) ahead = Date.now() - time;
}

// The same words as show.py.
export function age(seconds) {
  let rest = Math.max(0, Math.floor(seconds));
  for (const [number, [unit, size]] of UNITS.entries()) {
    if (rest < size) continue;
    const whole = Math.floor(rest / size);
    rest %= size;
    if (unit === "min") return whole > 9 ? `${whole} min` : `${whole} min ${rest} s`;
    const [smaller, smallerSize] = UNITS[number + 1];
    return `${whole} ${unit} ${Math.floor(rest / smallerSize)} ${smaller}`;
  }
  return `${rest} s`;
}

export function clock(text) {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString().slice(11, 19);
}

export function refresh() {
  for (const one of document.querySelectorAll("time[data-ago]")) {
    const seconds = (now() - Date.parse(one.dateTime)) / 1000;
    const text = seconds < Number(one.dataset.ago) ? "now" : age(seconds);
    if (one.textContent !== text) one.textContent = text;
  }
}

export function tick() {
  setClock(document.body.dataset.now);
  setInterval(refresh, 1000);
}
