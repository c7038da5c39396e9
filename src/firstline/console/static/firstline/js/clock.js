// Clocks tick from absolute instants, never from what the last tick said: a sleeping laptop shows the truth when it wakes.
// <span class="clock" data-due="…" data-from="…" data-warn="…">: words, then <progress>. Paused and stopped clocks carry no data-due.
import { duration, say } from "./words.js";

function tick(clock, now) {
  const [from, due, risk] = [clock.dataset.from, clock.dataset.due, clock.dataset.risk].map((text) => Date.parse(text));
  const late = now > due;
  const text = say(late ? "over" : "left", { time: duration(due - now) });
  const words = clock.querySelector(".words");
  if (words && words.textContent !== text) words.textContent = text;
  clock.classList.toggle("late", late);
  clock.classList.toggle("risk", !late && now >= risk);
  clock.classList.toggle("ok", !late && now < risk);
  const bar = clock.querySelector("progress");
  if (bar && due > from) bar.value = Math.min(100, Math.floor((100 * (now - from)) / (due - from)));
}

export function refresh() {
  // The difference to the server's clock at the moment the page was made; a workstation's clock is often minutes off.
  const now = Date.now() + skew;
  for (const clock of document.querySelectorAll(".clock[data-due]")) tick(clock, now);
}

const served = Date.parse(document.body.dataset.now ?? "");
const opened = performance.timeOrigin + (performance.getEntriesByType("navigation")[0]?.responseStart ?? 0);
const skew = Number.isNaN(served) || Math.abs(served - opened) < 2000 ? 0 : served - opened;

refresh();
setInterval(refresh, 1000);
document.addEventListener("htmx:after:swap", refresh);
