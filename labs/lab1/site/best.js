"use strict";

// The best score of a game, which the browser keeps under the game's title.
// A browser may forbid that: then the best score lasts as long as the page.

const bestText = document.getElementById("best");
let best = storedBest();
bestText.textContent = best;

function storedBest() {
  try {
    return Number(localStorage.getItem(document.title)) || 0;
  } catch {
    return 0;
  }
}

function offerBest(score) {
  if (score > best) {
    best = score;
    bestText.textContent = best;
    try {
      localStorage.setItem(document.title, best);
    } catch {
      // forbidden, or no room
    }
  }
}
