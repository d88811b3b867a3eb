// What a reader's hand does on the pictures of an explorer, told to the kernel; and the names of the
// controls, for readers who hear them.
function render({ model, el }) {
  const done = new AbortController();
  let from = null;
  const place = (event, picture) => {
    const box = picture.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const listen = () => {
    const root = el.closest(".explorer");
    if (!root) { if (!done.signal.aborted) requestAnimationFrame(listen); return; }
    const pictures = () => [...root.querySelectorAll("img.picture")];
    const on = (kind, act) => root.addEventListener(kind, act, { signal: done.signal });
    on("pointerdown", (event) => {
      const k = pictures().indexOf(event.target);
      from = k < 0 ? null : [k, ...place(event, event.target)];
    });
    on("dragstart", (event) => { if (event.target.matches("img.picture")) event.preventDefault(); });
    on("pointerup", (event) => {
      const picture = from && pictures()[from[0]];
      if (!picture) return;
      model.set("stroke", [...from, ...place(event, picture), model.get("stroke").length ? model.get("stroke")[5] + 1 : 0]);
      model.save_changes();
      from = null;
    });
    const name = () => {
      for (const row of root.querySelectorAll(".widget-inline-hbox, .widget-inline-vbox")) {
        const label = row.querySelector(".widget-label")?.textContent;
        for (const part of row.querySelectorAll(".noUi-handle, input, select, textarea, [contenteditable]"))
          if (label && part.getAttribute("aria-label") !== label) part.setAttribute("aria-label", label);
      }
    };
    new MutationObserver(name).observe(root, { childList: true, subtree: true });
    name();
  };
  listen();
  return () => done.abort();
}
export default { render };
