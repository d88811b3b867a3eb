// The players of the site: controls over ready frames. No network, no library.
"use strict";
for (const player of document.querySelectorAll(".player")) {
  const { axes, frames } = JSON.parse(player.querySelector("script").textContent);
  const view = player.querySelector(".player-frame");
  const at = axes.map((axis) => axis.at);
  let asked = 0, shown = 0;
  // The next frame is made ready unseen: pictures read, formulas set. Then it takes its place.
  const show = async () => {
    const turn = ++asked;
    const next = document.createElement("div");
    next.className = "player-frame player-next";
    next.innerHTML = frames[axes.reduce((sum, axis, k) => sum * axis.values.length + at[k], 0)];
    player.append(next);
    await Promise.allSettled([...next.querySelectorAll("img")].map((image) => image.decode()));
    await window.MathJax?.typesetPromise?.([next]);
    next.remove();
    if (turn < shown) return; // a later one was ready sooner
    shown = turn;
    view.style.minHeight = `${view.offsetHeight}px`; // the page below stays where it is
    window.MathJax?.typesetClear?.([view]);
    view.replaceChildren(...next.childNodes);
  };
  axes.forEach((axis, k) => {
    const label = document.createElement("label");
    const value = document.createElement("span");
    const control = document.createElement(axis.list ? "select" : "input");
    if (axis.list) {
      axis.values.forEach((text, i) => control.add(new Option(text, i)));
    } else {
      Object.assign(control, { type: "range", min: 0, max: axis.values.length - 1, step: 1 });
      value.setAttribute("aria-hidden", "true"); // the slider says it
    }
    control.value = at[k];
    control.setAttribute("aria-label", axis.label);
    const tell = () => {
      if (axis.list) return;
      control.setAttribute("aria-valuetext", axis.values[at[k]]);
      value.style.minWidth = `${Math.max(...axis.values.map((text) => text.length))}ch`;
      value.textContent = axis.values[at[k]];
    };
    control.addEventListener("input", () => { at[k] = Number(control.value); tell(); show(); });
    tell();
    label.append(axis.label, control, value);
    player.querySelector(".player-controls").append(label);
  });
}
