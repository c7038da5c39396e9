// The theme is a cookie, read by the server: the first byte of the next page already has it. This only saves a reload.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  const theme = event.submitter.value;
  document.documentElement.dataset.theme = theme;
  if (theme === "system") delete document.documentElement.dataset.theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `firstline_theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button === event.submitter));
});
