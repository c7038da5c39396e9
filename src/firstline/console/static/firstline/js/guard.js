// A morph swap must never take away what a person is doing: fields they changed or stand in, and disclosures they opened,
// carry hx-morph-skip until they are sent, emptied or closed again.
const SKIP = "hx-morph-skip";
const field = (element) => element instanceof Element && element.matches("input, textarea, select") ? element : null;

function dirty(element) {
  if (element.type === "checkbox" || element.type === "radio") return element.checked !== element.defaultChecked;
  if (element instanceof HTMLSelectElement) return [...element.options].some((o) => o.selected !== o.defaultSelected);
  return element.value !== element.defaultValue;
}

function mark(element) {
  element.toggleAttribute(SKIP, dirty(element) || element === document.activeElement);
}

document.addEventListener("input", ({ target }) => field(target) && mark(target));
document.addEventListener("change", ({ target }) => field(target) && mark(target));
document.addEventListener("focusin", ({ target }) => field(target) && mark(target));
document.addEventListener("focusout", ({ target }) => field(target) && queueMicrotask(() => mark(target)));
document.addEventListener("reset", ({ target }) => setTimeout(() => target.querySelectorAll(`[${SKIP}]`).forEach(mark)));
document.addEventListener("toggle", ({ target }) => {
  if (target instanceof HTMLDetailsElement) target.toggleAttribute(SKIP, target.open);
}, true);
