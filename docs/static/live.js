// Opens Robust Studio in place of its picture, when a reader asks for it. Without this script a block is a link to it.
for (const block of document.querySelectorAll("figure.live")) {
  const link = block.querySelector(".live-link");
  const words = link.dataset.words;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "live-button";
  let frame = null;

  const show = () => {
    button.textContent = frame ? "Close the studio" : words;
    button.setAttribute("aria-expanded", String(frame !== null));
    block.classList.toggle("live-open", frame !== null);
  };

  button.addEventListener("click", () => {
    if (frame) {
      frame.remove(); // which also ends its computation
      frame = null;
    } else {
      frame = document.createElement("iframe");
      frame.title = `Robust Studio: ${words}`;
      frame.allow = "camera; clipboard-write; fullscreen";
      frame.src = link.href;
      block.prepend(frame);
      frame.focus();
    }
    show();
  });

  link.textContent = "Open it in a tab of its own";
  link.target = "_blank";
  link.before(button);
  show();
}
