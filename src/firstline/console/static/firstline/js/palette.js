// Ctrl+K: go to a number, search, act. The list comes from the places and verbs that the page already offers.
const dialog = document.getElementById("palette");

function offers(text) {
  const typed = text.trim();
  const found = [];
  const number = typed.match(/^(?:inc-?)?0*(\d+)$/i);
  if (number) found.push({ label: `INC-${number[1].padStart(6, "0")}`, href: dialog.dataset.incident.replace("0", number[1]) });
  const links = document.querySelectorAll("[data-palette], .rail a.place");
  const begins = [];
  const within = [];
  for (const link of links) {
    const label = (link.dataset.palette || link.querySelector(".word")?.textContent || link.textContent).trim();
    const place = label.toLowerCase().indexOf(typed.toLowerCase());
    if (place === 0) begins.push({ label, link });
    else if (place > 0) within.push({ label, link });
  }
  found.push(...begins, ...within);
  if (typed) found.push({ label: `${dialog.dataset.find} “${typed}”`, href: `${dialog.dataset.search}?q=${encodeURIComponent(typed)}` });
  return found.slice(0, 12);
}

if (dialog) {
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  let at = 0;

  function show() {
    at = 0;
    list.replaceChildren(...offers(input.value).map(({ label, href, link }, index) => {
      const item = document.createElement("li");
      const a = document.createElement("a");
      a.textContent = label;
      a.href = href ?? link.href ?? "#";
      a.id = `offer-${index}`;
      a.setAttribute("role", "option");
      a.addEventListener("click", (event) => { if (link && !link.href) { event.preventDefault(); dialog.close(); link.click(); } });
      item.setAttribute("role", "presentation");
      item.append(a);
      return item;
    }));
    pick(0);
  }
  function pick(step) {
    const all = [...list.querySelectorAll("a")];
    at = all.length ? (at + step + all.length) % all.length : 0;
    all.forEach((a, i) => a.setAttribute("aria-selected", String(i === at)));
    input.setAttribute("aria-activedescendant", all[at]?.id ?? "");
    all[at]?.scrollIntoView({ block: "nearest" });
  }
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") pick(1);
    else if (event.key === "ArrowUp") pick(-1);
    else if (event.key === "Enter") list.querySelectorAll("a")[at]?.click();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "k" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!dialog.open) { input.value = ""; show(); dialog.showModal(); }
  });
}
