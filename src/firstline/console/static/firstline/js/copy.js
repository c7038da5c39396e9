// A button on each block of code that copies it. Without JavaScript the text is selected by hand.
for (const box of document.querySelectorAll("[data-copy-each]")) {
  for (const block of box.querySelectorAll("pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn small copy";
    button.textContent = box.dataset.copyEach;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.textContent.trimEnd());
      button.textContent = box.dataset.copied;
      setTimeout(() => { button.textContent = box.dataset.copyEach; }, 2000);
    });
    const frame = document.createElement("div");
    frame.className = "copyable";
    block.replaceWith(frame);
    frame.append(block, button);
  }
}
