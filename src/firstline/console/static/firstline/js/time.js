// Relative words beside absolute instants. Every <time datetime> keeps its absolute text as its title.
import { language } from "./words.js";

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const STEPS = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

export function ago(instant, now = Date.now()) {
  const seconds = (instant - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(0, "second");
}

export function refresh(root = document) {
  for (const element of root.querySelectorAll("time[datetime][data-relative]")) {
    const instant = Date.parse(element.dateTime);
    if (Number.isNaN(instant)) continue;
    element.dataset.absolute ??= element.textContent.trim();
    element.title ||= element.dataset.absolute;
    const text = ago(instant);
    if (element.textContent !== text) element.textContent = text;
  }
}

refresh();
setInterval(refresh, 20000);
document.addEventListener("htmx:after:swap", () => refresh());
document.addEventListener("visibilitychange", () => document.hidden || refresh());
