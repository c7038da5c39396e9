// An answer that is an error is said where the person looks, with what to do; their text stays in the field.
import { say } from "./words.js";

export function toast(text, bad = true) {
  const place = document.getElementById("toasts");
  const template = document.getElementById("toast");
  if (!place || !template) return;
  const note = template.content.firstElementChild.cloneNode(true);
  note.classList.toggle("bad", bad);
  note.querySelector(".text").textContent = text;
  note.querySelector("button").addEventListener("click", () => note.remove());
  place.append(note);
  setTimeout(() => note.remove(), bad ? 15000 : 5000);
}

document.addEventListener("htmx:response:error", ({ detail }) => {
  const { status, raw } = detail.ctx.response;
  if (status === 422 || status === 409) return; // the answer is the form itself, with what is wrong
  if (status === 401 || (raw?.redirected && raw.url.includes("/sign-in"))) { toast(say("signed_out")); return; }
  toast(say({ 403: "forbidden", 404: "missing", 413: "too_large", 429: "too_many" }[status] ?? "failed"));
});
document.addEventListener("htmx:error", () => toast(say("offline")));
