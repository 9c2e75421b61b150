"use strict";

// Lengths are in field units: the field is 600 x 600, and (0, 0) is its top left corner. Times are in seconds.

const FIELD = { width: 600, height: 600 };
const BASKET = { width: 128, height: 80, y: 490, rim: 28, speed: 720 };
const GROUND = 585;
const THING_SIZE = 60;
const PICTURE_SIZE = 96; // of one thing in things.png

const LIVES = 5;
const LONGEST_FRAME = 0.05;
const FALL_SPEED = 190;
const SPAWN_INTERVAL = 1.25;
const PACE_GAIN = 1 / 45; // how much the pace grows in a second
const TOP_PACE = 3;
const NOTE_TIME = 0.8;

const KINDS = {
  apple: { picture: 0, points: 1, isGood: true, share: 0.35 },
  pear: { picture: 1, points: 2, isGood: true, share: 0.2 },
  plum: { picture: 2, points: 3, isGood: true, share: 0.15 },
  wasp: { picture: 3, points: 0, isGood: false, share: 0.3 },
};

const STEERING_KEYS = { arrowleft: -1, a: -1, arrowright: 1, d: 1 };

const canvas = document.getElementById("field");
const context = canvas.getContext("2d");
const scoreText = document.getElementById("score");
const livesText = document.getElementById("lives");
const paceText = document.getElementById("pace");
const statusText = document.getElementById("status");

const thingsPicture = new Image();
thingsPicture.src = "things.png";
const basketPicture = new Image();
basketPicture.src = "basket.svg";

const state = {
  held: new Set(),
  basketX: FIELD.width / 2, // the middle of the basket
};

function reset(phase) {
  Object.assign(state, {
    phase, // "ready", "playing" or "over"
    things: [],
    notes: [], // short words that float up where something happened
    score: 0,
    lives: LIVES,
    pace: 1,
    untilNext: 0.4,
  });
  showNumbers();
}

function newGame() {
  reset("playing");
  say("Catch the fruit.");
}

// The game

function step(seconds) {
  moveBasket(steering() * BASKET.speed * seconds);
  state.notes.forEach((note) => { note.age += seconds; });
  state.notes = state.notes.filter((note) => note.age < NOTE_TIME);
  if (state.phase !== "playing") {
    return;
  }
  state.pace = Math.min(state.pace + PACE_GAIN * seconds, TOP_PACE);
  state.untilNext -= seconds;
  if (state.untilNext <= 0) {
    state.untilNext = SPAWN_INTERVAL / state.pace;
    drop(anyKind(), THING_SIZE / 2 + Math.random() * (FIELD.width - THING_SIZE));
  }
  state.things.forEach((thing) => fall(thing, seconds));
  state.things = state.things.filter((thing) => !thing.isGone);
  showNumbers();
}

function drop(kind, x) {
  state.things.push({ kind, x, y: -THING_SIZE / 2, isGone: false });
}

function anyKind() {
  let chance = Math.random();
  for (const [name, kind] of Object.entries(KINDS)) {
    chance -= kind.share;
    if (chance < 0) {
      return name;
    }
  }
  return "apple"; // the shares may add up to a hair less than 1
}

// Compares where the thing was with where it is, so that even a fast one cannot slip through the rim.
function fall(thing, seconds) {
  const rim = BASKET.y + BASKET.rim;
  const before = thing.y;
  thing.y += FALL_SPEED * state.pace * seconds;
  const passesRim = before < rim && thing.y >= rim;
  if (passesRim && Math.abs(thing.x - state.basketX) < BASKET.width / 2) {
    catchThing(thing);
  } else if (thing.y > GROUND) {
    missThing(thing);
  }
}

function catchThing(thing) {
  const { points, isGood } = KINDS[thing.kind];
  thing.isGone = true;
  state.score += points;
  if (isGood) {
    note(`+${points}`, thing.x, BASKET.y);
  } else {
    loseLife("Ouch!", "A wasp in the basket.", thing.x, BASKET.y);
  }
}

function missThing(thing) {
  thing.isGone = true;
  if (KINDS[thing.kind].isGood) {
    loseLife("Splat!", `Missed: ${thing.kind}.`, thing.x, GROUND - THING_SIZE / 2);
  }
}

function loseLife(cry, reason, x, y) {
  note(cry, x, y);
  if (state.phase !== "playing") {
    return; // two things may end the same game in the same step
  }
  state.lives -= 1;
  if (state.lives === 0) {
    state.phase = "over";
    say(`${reason} Game over with ${state.score} points.`);
  } else {
    say(`${reason} Lives left: ${state.lives}.`);
  }
}

function note(text, x, y) {
  state.notes.push({ text, x, y, age: 0 });
}

function moveBasket(distance) {
  placeBasket(state.basketX + distance);
}

function placeBasket(x) {
  const half = BASKET.width / 2;
  state.basketX = Math.min(Math.max(x, half), FIELD.width - half);
}

function steering() {
  const directions = [...state.held].map((key) => STEERING_KEYS[key]);
  return Math.sign(directions.reduce((sum, direction) => sum + direction, 0));
}

// Drawing

function fitCanvas() {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(canvas.clientHeight * density);
  context.setTransform(canvas.width / FIELD.width, 0, 0, canvas.height / FIELD.height, 0, 0);
  draw();
}

function draw() {
  context.clearRect(0, 0, FIELD.width, FIELD.height);
  context.fillStyle = context.strokeStyle = getComputedStyle(canvas).color;
  context.textAlign = "center";
  state.things.forEach(drawThing);
  drawBasket();
  state.notes.forEach(drawNote);
  if (state.phase === "ready") {
    drawBanner("Catch", "Click, tap or press Space to start");
  } else if (state.phase === "over") {
    drawBanner(`Game over: ${state.score}`, "Press Space or “New game”");
  }
}

function drawThing({ kind, x, y }) {
  const left = x - THING_SIZE / 2;
  const top = y - THING_SIZE / 2;
  if (thingsPicture.naturalWidth > 0) {
    const source = KINDS[kind].picture * PICTURE_SIZE;
    context.drawImage(thingsPicture, source, 0, PICTURE_SIZE, PICTURE_SIZE, left, top, THING_SIZE, THING_SIZE);
  } else {
    context.font = "16px system-ui, sans-serif"; // the picture has not arrived: show the name instead
    context.fillText(kind, x, y);
  }
}

function drawBasket() {
  const left = state.basketX - BASKET.width / 2;
  if (basketPicture.naturalWidth > 0) {
    context.drawImage(basketPicture, left, BASKET.y, BASKET.width, BASKET.height);
  } else {
    context.strokeRect(left, BASKET.y + BASKET.rim, BASKET.width, BASKET.height - BASKET.rim);
  }
}

function drawNote({ text, x, y, age }) {
  context.globalAlpha = 1 - age / NOTE_TIME;
  context.font = "bold 26px system-ui, sans-serif";
  context.fillText(text, x, y - 50 * age);
  context.globalAlpha = 1;
}

function drawBanner(title, hint) {
  context.font = "bold 48px system-ui, sans-serif";
  context.fillText(title, FIELD.width / 2, 250);
  context.font = "24px system-ui, sans-serif";
  context.fillText(hint, FIELD.width / 2, 295);
}

function say(text) {
  statusText.textContent = text;
}

function showNumbers() {
  scoreText.textContent = state.score;
  offerBest(state.score);
  livesText.textContent = state.lives;
  paceText.textContent = state.pace.toFixed(1);
}

// Pointer and keyboard

function followPointer(event) {
  placeBasket((event.offsetX / canvas.clientWidth) * FIELD.width);
}

canvas.addEventListener("pointermove", followPointer);

canvas.addEventListener("pointerdown", (event) => {
  followPointer(event);
  // After the end a tap is most likely one that came too late, so it does not start again.
  if (state.phase === "ready") {
    newGame();
  }
});

window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const key = event.key.toLowerCase();
  if (key in STEERING_KEYS) {
    event.preventDefault();
    state.held.add(key);
  } else if (key === " " && state.phase !== "playing" && !event.target.closest("a, button")) {
    event.preventDefault();
    newGame();
  }
});

window.addEventListener("keyup", (event) => {
  state.held.delete(event.key.toLowerCase());
});

// A key that is let go in another window is never reported here.
window.addEventListener("blur", () => state.held.clear());

document.getElementById("new-game").addEventListener("click", (event) => {
  event.currentTarget.blur(); // or Space would press it again
  newGame();
});

// The loop

function run() {
  let previous = null;
  function frame(now) {
    const elapsed = (now - (previous ?? now)) / 1000;
    previous = now;
    step(Math.min(elapsed, LONGEST_FRAME));
    draw();
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
}

reset("ready");
new ResizeObserver(fitCanvas).observe(canvas);
run();

// For tests in a browser: game.newGame(), game.drop("apple", x), game.step(seconds), then look at game.state.
window.game = { state, newGame, drop, step };
