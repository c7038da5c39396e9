// Keyboard: ? help, / search, j/k move, Enter open, and the letter that each action carries in data-key.
// Single letters can be switched off (WCAG 2.1.4): then <body> has no data-keys.
const on = document.body.hasAttribute("data-keys");
const typing = (element) => element?.matches?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("[data-row]")];

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.getAttribute("aria-current") === "true");
  const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
  all[at]?.removeAttribute("aria-current");
  next.setAttribute("aria-current", "true");
  next.querySelector("a")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function act(key) {
  const row = rows().find((r) => r.getAttribute("aria-current") === "true");
  const target = row?.querySelector(`[data-key="${key}"]`) ?? document.querySelector(`[data-key="${key}"]:not([data-row] *)`);
  if (!target) return false;
  if (typing(target)) target.focus(); else target.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
  if (!on || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
  const known = {
    "?": () => document.getElementById("keys")?.showModal(),
    "/": () => document.querySelector("[data-search]")?.focus(),
    j: () => move(1),
    k: () => move(-1),
  }[event.key];
  if (known) { known(); event.preventDefault(); return; }
  if (/^[a-z]$/.test(event.key) && act(event.key)) event.preventDefault();
});
document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (target.closest("[data-closes]") || target instanceof HTMLDialogElement) target.closest("dialog")?.close();
});
