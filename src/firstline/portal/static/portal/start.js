// What the portal's pages start. None of it is needed for a page to work.
import "../firstline/js/words.js";
import "../firstline/js/theme.js";
import "../firstline/js/time.js";
import "../firstline/js/forms.js";
import "../firstline/js/draft.js";
import "../firstline/js/errors.js";

document.documentElement.classList.add("js");
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-dismisses]");
  if (button) button.closest(".known").remove();
});
