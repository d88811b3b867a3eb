// The players of the site: controls over ready frames. No network, no library.
"use strict";
for (const player of document.querySelectorAll(".player")) {
  const { axes, frames } = JSON.parse(player.querySelector("script").textContent);
  const view = player.querySelector(".player-frame");
  const at = axes.map((axis) => axis.at);
  const show = () => {
    const index = axes.reduce((sum, axis, k) => sum * axis.values.length + at[k], 0);
    view.style.minHeight = `${view.offsetHeight}px`; // the page below stays where it is
    view.innerHTML = frames[index];
    if (window.MathJax?.typesetPromise) MathJax.typesetPromise([view]);
  };
  axes.forEach((axis, k) => {
    const label = document.createElement("label");
    const value = document.createElement("output");
    const control = document.createElement(axis.list ? "select" : "input");
    if (axis.list) {
      axis.values.forEach((text, i) => control.add(new Option(text, i)));
    } else {
      Object.assign(control, { type: "range", min: 0, max: axis.values.length - 1, step: 1 });
    }
    control.value = at[k];
    const tell = () => {
      control.setAttribute("aria-valuetext", axis.values[at[k]]);
      value.textContent = axis.list ? "" : axis.values[at[k]];
    };
    control.addEventListener("input", () => { at[k] = Number(control.value); tell(); show(); });
    tell();
    label.append(axis.label, control, value);
    player.querySelector(".player-controls").append(label);
  });
}
