// What a reader's hand does on the pictures of an explorer, told to the kernel; the names of the
// controls, for readers who hear them; and pictures that do not get lower while they change.
const REST_MS = 1500;
function render({ model, el }) {
  const done = new AbortController();
  const tall = new Map();
  let from = null, rest = 0;
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
        const value = row.querySelector(".widget-readout")?.textContent;
        for (const part of row.querySelectorAll(".noUi-handle, input, select, textarea, [contenteditable]"))
          for (const [said, words] of [["aria-label", label], ["aria-valuetext", part.matches(".noUi-handle") && value]])
            if (words && part.getAttribute(said) !== words) part.setAttribute(said, words);
      }
      for (const [icon, words] of [["play", "play"], ["pause", "pause"], ["stop", "back to the beginning"], ["retweet", "repeat"]])
        for (const sign of root.querySelectorAll(`.widget-play .fa-${icon}`)) sign.parentElement.setAttribute("aria-label", words);
    };
    const hold = () => {
      for (const part of root.querySelectorAll(".explorer-picture")) {
        const { width, height } = part.getBoundingClientRect(), before = tall.get(part);
        if (before && before.width === width && height < before.height) part.style.minHeight = `${before.height}px`;
        else tall.set(part, { width, height });
      }
      clearTimeout(rest);
      rest = setTimeout(release, REST_MS);
    };
    const release = () => {
      for (const part of tall.keys()) { part.style.minHeight = ""; tall.set(part, part.getBoundingClientRect()); }
    };
    new MutationObserver(() => { name(); hold(); }).observe(root, { childList: true, subtree: true, attributeFilter: ["class"] });
    name();
    hold();
  };
  listen();
  return () => { done.abort(); clearTimeout(rest); };
}
export default { render };
