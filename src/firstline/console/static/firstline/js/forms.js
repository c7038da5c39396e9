// Small kindnesses of forms: Ctrl+Enter sends, pasted and dropped files attach, a form can't be sent twice,
// menus close when one looks elsewhere. Everything here works without, only less comfortably.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  if (event.key === "Escape") {
    const open = document.activeElement?.closest("details.menu[open]") ?? document.querySelector("details.menu[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  }
});

document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || !button || event.target.method !== "post") return;
  if (button.getAttribute("aria-busy") === "true") { event.preventDefault(); return; }
  button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => document.querySelectorAll("[aria-busy=true]").forEach((b) => b.removeAttribute("aria-busy")));
document.addEventListener("htmx:finally:request", () => document.querySelectorAll(".btn[aria-busy=true]").forEach((b) => b.removeAttribute("aria-busy")));

function attach(form, files) {
  const input = form?.querySelector("input[type=file]");
  if (!input || !files.length) return false;
  const all = new DataTransfer();
  for (const file of [...input.files, ...files]) all.items.add(file);
  input.files = all.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length && attach(event.target.form, files)) event.preventDefault();
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.closest?.("form.write");
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("over", name === "dragover");
    if (name === "drop") attach(form, event.dataTransfer.files);
  });
}
document.addEventListener("change", ({ target }) => {
  if (target.type === "file") {
    const list = target.form?.querySelector("[data-files]");
    if (list) list.textContent = [...target.files].map((f) => f.name).join(", ");
  }
  if (target.matches("[data-submit]")) target.form.requestSubmit();
});
