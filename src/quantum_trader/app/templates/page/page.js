// Fetches the board anew. Numbers that could not be refreshed say so: they are older than they look.
"use strict";
const EVERY_MS = 2000;
const ANSWER_MS = 5000;
const board = document.getElementById("board");
const lost = document.getElementById("lost");
let seenMs = Date.now();

async function refresh() {
  try {
    const answer = await fetch("/board", { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const scrolled = [...board.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    board.innerHTML = await answer.text();
    board.querySelectorAll(".scroll").forEach((one, i) => { one.scrollLeft = scrolled[i] || 0; });
    seenMs = Date.now();
    lost.hidden = true;
  } catch {
    const seconds = Math.round((Date.now() - seenMs) / 1000);
    lost.textContent = `The system does not answer. Everything below is ${seconds} s older than it says.`;
    lost.hidden = false;
  }
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
