"use strict";
/* How one trade was left, as a list to open. Text from outside stays text. */
function tellExit(box, steps) {
  const count = steps.length === 1 ? "1 step" : `${steps.length} steps`;
  box.hidden = steps.length === 0;
  box.querySelector("summary").textContent = `How it was left: ${count}`;
  box.querySelector("ol").replaceChildren(...steps.map(({ t, kind, text }) => {
    const item = document.createElement("li");
    item.dataset.kind = kind;
    const time = document.createElement("time");
    time.dateTime = new Date(t).toISOString();
    time.textContent = time.dateTime.slice(5, 19).replace("T", " ");
    const words = document.createElement("span");
    words.textContent = text;
    item.append(time, words);
    return item;
  }));
}
