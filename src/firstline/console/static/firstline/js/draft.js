// What was typed is never lost: every [data-draft] field is kept in this browser until its form has been sent.
const PREFIX = "firstline:draft:";
const WEEK = 7 * 24 * 3600 * 1000;

function read(key) {
  try { return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null"); } catch { return null; }
}
function write(key, text) {
  try {
    if (text.trim()) localStorage.setItem(PREFIX + key, JSON.stringify({ text, at: Date.now() }));
    else localStorage.removeItem(PREFIX + key);
  } catch { /* storage full or forbidden: the page still works, it only forgets */ }
}
function tell(field, which) {
  const sign = field.form?.querySelector("[data-draft-state]");
  if (sign) sign.textContent = which ? sign.dataset[which] : "";
}

export function restore(root = document) {
  for (const field of root.querySelectorAll("[data-draft]")) {
    const kept = read(field.dataset.draft);
    if (!kept || field.value !== field.defaultValue) continue;
    field.value = kept.text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    tell(field, "restored");
  }
}

/** Called when the server has taken the form: the page after a send carries data-sent="<key>". */
function forget() {
  for (const sent of document.querySelectorAll("[data-sent]")) {
    write(sent.dataset.sent, "");
    sent.removeAttribute("data-sent");
  }
}

function tidy() {
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(PREFIX) && Date.now() - (read(key.slice(PREFIX.length))?.at ?? 0) > WEEK) localStorage.removeItem(key);
  }
}

let pause;
document.addEventListener("input", ({ target }) => {
  if (!target.dataset?.draft) return;
  clearTimeout(pause);
  pause = setTimeout(() => { write(target.dataset.draft, target.value); tell(target, target.value.trim() && "saved"); }, 300);
});
addEventListener("pagehide", () => {
  for (const field of document.querySelectorAll("[data-draft]")) if (field.value !== field.defaultValue) write(field.dataset.draft, field.value);
});
document.addEventListener("htmx:after:swap", () => { forget(); restore(); });
forget();
restore();
try { tidy(); } catch { /* no storage */ }
