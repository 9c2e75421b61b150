"use strict";

// Lengths are in table units: the cloth is 1200 x 600, and (0, 0) is its top left corner.
// Times are in seconds. Angles are in radians: 0 points right, and they grow clockwise, because y grows downwards.

const TABLE = { width: 1200, height: 600, rail: 50 };
const BAULK_X = 248;
const D_RADIUS = 98;
const BALL_RADIUS = 11;
const POCKET_RADIUS = 24;
const POCKETS = [
  { x: 0, y: 0 }, { x: 600, y: -10 }, { x: 1200, y: 0 },
  { x: 0, y: 600 }, { x: 600, y: 610 }, { x: 1200, y: 600 },
];

// At full power a ball moves 3 units in one step, far less than its radius: it cannot jump over another one.
const TIME_STEP = 1 / 480;
const LONGEST_FRAME = 0.05;
const MAX_SPEED = 1450;
const FRICTION = 210; // units per second, lost each second
const BALL_BOUNCE = 0.96; // share of the speed that survives
const CUSHION_BOUNCE = 0.78;
const SINKING_TIME = 0.2;

const FULL_DRAG = 300;
const SHORTEST_DRAG = 12;
const FOUL = 4;

const WHITE = { name: "white", paint: "#fbf8ee", value: 0, home: { x: 200, y: 340 } };
const RED = { name: "red", paint: "#c8202b", value: 1 };
const COLOURS = [
  { name: "yellow", paint: "#f4cf2e", value: 2, home: { x: BAULK_X, y: 398 } },
  { name: "green", paint: "#10935a", value: 3, home: { x: BAULK_X, y: 202 } },
  { name: "brown", paint: "#8a5024", value: 4, home: { x: BAULK_X, y: 300 } },
  { name: "blue", paint: "#2f6fd6", value: 5, home: { x: 600, y: 300 } },
  { name: "pink", paint: "#f08aa8", value: 6, home: { x: 900, y: 300 } },
  { name: "black", paint: "#1b1b1f", value: 7, home: { x: 1091, y: 300 } },
];
const RED_ROWS = 5;

const canvas = document.getElementById("table");
const context = canvas.getContext("2d");
const scoreText = document.getElementById("score");
const strikesText = document.getElementById("strikes");
const powerBar = document.getElementById("power");
const statusText = document.getElementById("status");

const cloth = new Image();
cloth.src = "cloth.jpg";

const state = {};

function newGame() {
  const white = newBall(WHITE, WHITE.home);
  Object.assign(state, {
    white,
    balls: [white, ...COLOURS.map((kind) => newBall(kind, kind.home)), ...rackOfReds()],
    score: 0,
    strikes: 0,
    moving: false,
    over: false,
    potted: [], // in this strike
    colourReturns: true,
    aim: { angle: 0, power: 0.5 },
    drag: null, // { pointer, x, y }: which pointer went down, and where
    unspent: 0, // time that was too short for a step
  });
  say("Your turn.");
  showNumbers();
}

function newBall(kind, place) {
  return { kind, x: place.x, y: place.y, vx: 0, vy: 0, pocket: null, sinking: 0 };
}

function rackOfReds() {
  const spacing = 2 * BALL_RADIUS + 0.3;
  const pink = COLOURS.find((kind) => kind.name === "pink");
  const reds = [];
  for (let row = 0; row < RED_ROWS; row += 1) {
    for (let i = 0; i <= row; i += 1) {
      const x = pink.home.x + spacing * (1 + row * Math.sqrt(0.75));
      const y = pink.home.y + spacing * (i - row / 2);
      reds.push(newBall(RED, { x, y }));
    }
  }
  return reds;
}

function ballsOnTable() {
  return state.balls.filter((ball) => ball.pocket === null);
}

function redsOnTable() {
  return ballsOnTable().filter((ball) => ball.kind === RED);
}

// The strike and what follows from it

function strike(angle, power) {
  if (state.moving || state.over) {
    return;
  }
  const speed = MAX_SPEED * Math.min(Math.max(power, 0), 1);
  state.white.vx = speed * Math.cos(angle);
  state.white.vy = speed * Math.sin(angle);
  state.strikes += 1;
  state.moving = true;
  state.potted = [];
  state.colourReturns = redsOnTable().length > 0;
  say("");
  showNumbers();
}

function pot(ball, pocket) {
  Object.assign(ball, { pocket, vx: 0, vy: 0, sinking: SINKING_TIME });
  state.potted.push(ball);
  state.score += ball === state.white ? -FOUL : ball.kind.value;
  showNumbers();
}

function finishStrike() {
  state.moving = false;
  for (const ball of state.potted) {
    const isColour = ball.kind.value > RED.value;
    if (ball === state.white || (isColour && state.colourReturns)) {
      comeBack(ball);
    }
  }
  state.over = ballsOnTable().length === 1;
  say(state.over ? `Table cleared: ${state.score} points in ${state.strikes} strikes.` : verdict(state.potted));
}

function comeBack(ball) {
  ball.pocket = null;
  Object.assign(ball, freePlace(ball, ball.kind.home));
}

// The spot itself, or else the nearest place along the table that no other ball covers.
function freePlace(ball, spot) {
  const others = ballsOnTable().filter((other) => other !== ball);
  const isFree = ({ x, y }) => others.every((other) => Math.hypot(other.x - x, other.y - y) > 2 * BALL_RADIUS);
  for (let aside = 0; aside < TABLE.width; aside += 1) {
    for (const x of [spot.x + aside, spot.x - aside]) {
      const isInside = x >= BALL_RADIUS && x <= TABLE.width - BALL_RADIUS;
      if (isInside && isFree({ x, y: spot.y })) {
        return { x, y: spot.y };
      }
    }
  }
  return spot;
}

function verdict(potted) {
  const names = potted.filter((ball) => ball !== state.white).map((ball) => ball.kind.name);
  const gain = names.length > 0 ? `Potted ${names.join(", ")}.` : "No ball potted.";
  return potted.includes(state.white) ? `${gain} Foul, the white went in: minus ${FOUL}.` : gain;
}

// Physics

function step(seconds) {
  state.unspent += seconds;
  while (state.unspent >= TIME_STEP) {
    state.unspent -= TIME_STEP;
    advance();
  }
}

function advance() {
  for (const ball of state.balls) {
    ball.sinking = Math.max(0, ball.sinking - TIME_STEP);
  }
  if (!state.moving) {
    return;
  }
  ballsOnTable().forEach(roll);
  dropIntoPockets();
  const balls = ballsOnTable();
  for (let i = 0; i < balls.length; i += 1) {
    for (let j = i + 1; j < balls.length; j += 1) {
      collide(balls[i], balls[j]);
    }
  }
  // Last of all, because a collision may push a ball across the edge.
  balls.forEach(bounceOffCushions);
  if (balls.every((ball) => ball.vx === 0 && ball.vy === 0)) {
    finishStrike();
  }
}

function roll(ball) {
  const speed = Math.hypot(ball.vx, ball.vy);
  if (speed === 0) {
    return;
  }
  const left = Math.max(0, speed - FRICTION * TIME_STEP) / speed;
  ball.vx *= left;
  ball.vy *= left;
  ball.x += ball.vx * TIME_STEP;
  ball.y += ball.vy * TIME_STEP;
}

function dropIntoPockets() {
  for (const ball of ballsOnTable()) {
    const pocket = POCKETS.find(({ x, y }) => Math.hypot(ball.x - x, ball.y - y) < POCKET_RADIUS);
    if (pocket) {
      pot(ball, pocket);
    }
  }
}

// Balls of equal mass trade the part of their speed that lies along the line between them.
function collide(a, b) {
  const distance = Math.hypot(b.x - a.x, b.y - a.y);
  const overlap = 2 * BALL_RADIUS - distance;
  if (overlap <= 0 || distance === 0) {
    return;
  }
  const nx = (b.x - a.x) / distance;
  const ny = (b.y - a.y) / distance;
  a.x -= (nx * overlap) / 2;
  a.y -= (ny * overlap) / 2;
  b.x += (nx * overlap) / 2;
  b.y += (ny * overlap) / 2;

  const approach = (a.vx - b.vx) * nx + (a.vy - b.vy) * ny;
  if (approach > 0) {
    const traded = (approach * (1 + BALL_BOUNCE)) / 2;
    a.vx -= traded * nx;
    a.vy -= traded * ny;
    b.vx += traded * nx;
    b.vy += traded * ny;
  }
}

function bounceOffCushions(ball) {
  const right = TABLE.width - BALL_RADIUS;
  const bottom = TABLE.height - BALL_RADIUS;
  if (ball.x < BALL_RADIUS || ball.x > right) {
    ball.vx = Math.abs(ball.vx) * CUSHION_BOUNCE * (ball.x > right ? -1 : 1);
    ball.x = Math.min(Math.max(ball.x, BALL_RADIUS), right);
  }
  if (ball.y < BALL_RADIUS || ball.y > bottom) {
    ball.vy = Math.abs(ball.vy) * CUSHION_BOUNCE * (ball.y > bottom ? -1 : 1);
    ball.y = Math.min(Math.max(ball.y, BALL_RADIUS), bottom);
  }
}

// Where the white stands when it first touches a ball or a cushion on its straight way.
function firstContact(angle) {
  const { x, y } = state.white;
  const dx = Math.cos(angle);
  const dy = Math.sin(angle);
  const toCushions = [
    (dx > 0 ? TABLE.width - BALL_RADIUS - x : BALL_RADIUS - x) / dx,
    (dy > 0 ? TABLE.height - BALL_RADIUS - y : BALL_RADIUS - y) / dy,
  ].filter((distance) => distance >= 0);
  const toBalls = ballsOnTable()
    .filter((ball) => ball !== state.white)
    .map((ball) => {
      const ahead = (ball.x - x) * dx + (ball.y - y) * dy;
      const aside = (ball.x - x) * dy - (ball.y - y) * dx;
      const isHit = ahead > 0 && Math.abs(aside) < 2 * BALL_RADIUS;
      return isHit ? ahead - Math.sqrt((2 * BALL_RADIUS) ** 2 - aside ** 2) : Infinity;
    });
  const distance = Math.max(0, Math.min(...toCushions, ...toBalls));
  return { x: x + dx * distance, y: y + dy * distance };
}

// Drawing

// The transform that is set here maps table units to pixels, for drawing and (inverted) for the pointer.
function fitCanvas() {
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(canvas.clientHeight * density);
  const { width, height, rail } = TABLE;
  const isUpright = canvas.height > canvas.width;
  const scale = canvas.width / (2 * rail + (isUpright ? height : width));
  if (isUpright) {
    context.setTransform(0, -scale, scale, 0, scale * rail, scale * (rail + width));
  } else {
    context.setTransform(scale, 0, 0, scale, scale * rail, scale * rail);
  }
  draw();
}

function draw() {
  drawTable();
  for (const ball of state.balls) {
    drawBall(ball);
  }
  if (!state.moving && !state.over) {
    drawAim();
  }
}

function drawTable() {
  const { width, height, rail } = TABLE;
  context.fillStyle = "#5a3620";
  context.fillRect(-rail, -rail, width + 2 * rail, height + 2 * rail);
  context.fillStyle = "#14603b";
  context.fillRect(-rail / 2, -rail / 2, width + rail, height + rail);
  context.fillStyle = cloth.naturalWidth > 0 ? context.createPattern(cloth, "repeat") : "#1c7a4c";
  context.fillRect(0, 0, width, height);

  context.strokeStyle = "rgb(255 255 255 / 0.4)";
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(BAULK_X, 0);
  context.lineTo(BAULK_X, height);
  context.moveTo(BAULK_X, height / 2 - D_RADIUS);
  context.arc(BAULK_X, height / 2, D_RADIUS, -Math.PI / 2, Math.PI / 2, true);
  context.stroke();

  context.fillStyle = "#14100d";
  for (const pocket of POCKETS) {
    fillCircle(pocket, POCKET_RADIUS);
  }
}

function drawBall(ball) {
  if (ball.pocket === null) {
    paintBall(ball, ball.kind.paint, BALL_RADIUS);
  } else if (ball.sinking > 0) {
    paintBall(ball.pocket, ball.kind.paint, (BALL_RADIUS * ball.sinking) / SINKING_TIME);
  }
}

function paintBall(place, paint, radius) {
  context.fillStyle = "rgb(0 0 0 / 0.3)";
  fillCircle({ x: place.x + 2, y: place.y + 3 }, radius);
  context.fillStyle = paint;
  fillCircle(place, radius);
  context.fillStyle = "rgb(255 255 255 / 0.55)";
  fillCircle({ x: place.x - radius / 3, y: place.y - radius / 3 }, radius / 4);
}

function fillCircle({ x, y }, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function drawAim() {
  const { angle, power } = state.aim;
  const contact = firstContact(angle);
  context.strokeStyle = "rgb(255 255 255 / 0.7)";
  context.lineWidth = 2;
  context.setLineDash([10, 8]);
  context.beginPath();
  context.moveTo(state.white.x, state.white.y);
  context.lineTo(contact.x, contact.y);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.arc(contact.x, contact.y, BALL_RADIUS, 0, 2 * Math.PI);
  context.stroke();

  const tip = BALL_RADIUS + 6 + 90 * power;
  const end = tip + 330;
  context.strokeStyle = "#d9a860";
  context.lineWidth = 7;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(state.white.x - tip * Math.cos(angle), state.white.y - tip * Math.sin(angle));
  context.lineTo(state.white.x - end * Math.cos(angle), state.white.y - end * Math.sin(angle));
  context.stroke();
}

function say(text) {
  statusText.textContent = text;
}

function showNumbers() {
  scoreText.textContent = state.score;
  offerBest(state.score);
  strikesText.textContent = state.strikes;
}

// Pointer and keyboard

function toTable(event) {
  const density = canvas.width / canvas.clientWidth;
  const pixel = new DOMPoint(event.offsetX * density, event.offsetY * density);
  return pixel.matrixTransform(context.getTransform().inverse());
}

function aimByDrag(event) {
  const place = toTable(event);
  const dx = state.drag.x - place.x;
  const dy = state.drag.y - place.y;
  const length = Math.hypot(dx, dy);
  if (length > SHORTEST_DRAG) {
    state.aim = { angle: Math.atan2(dy, dx), power: Math.min(length / FULL_DRAG, 1) };
  }
  return length;
}

canvas.addEventListener("pointerdown", (event) => {
  if (!state.drag && !state.moving && !state.over) {
    canvas.setPointerCapture(event.pointerId);
    const { x, y } = toTable(event);
    state.drag = { pointer: event.pointerId, x, y };
  }
});

canvas.addEventListener("pointermove", (event) => {
  if (state.drag?.pointer === event.pointerId) {
    aimByDrag(event);
  }
});

canvas.addEventListener("pointerup", (event) => {
  if (state.drag?.pointer === event.pointerId) {
    const length = aimByDrag(event);
    state.drag = null;
    if (length > SHORTEST_DRAG) {
      strike(state.aim.angle, state.aim.power);
    }
  }
});

canvas.addEventListener("pointercancel", () => {
  state.drag = null;
});

canvas.addEventListener("keydown", (event) => {
  const turn = event.shiftKey ? 0.002 : 0.02;
  const actions = {
    ArrowLeft: () => turnAim(-turn),
    ArrowRight: () => turnAim(turn),
    ArrowUp: () => changePower(0.05),
    ArrowDown: () => changePower(-0.05),
    " ": () => strike(state.aim.angle, state.aim.power),
  };
  if (event.key in actions) {
    event.preventDefault();
    actions[event.key]();
  }
});

function turnAim(angle) {
  state.aim.angle += angle;
}

function changePower(change) {
  state.aim.power = Math.min(Math.max(state.aim.power + change, 0.05), 1);
}

document.getElementById("new-game").addEventListener("click", () => {
  newGame();
  canvas.focus({ preventScroll: true });
});

// The loop

function run() {
  let previous = null;
  function frame(now) {
    const elapsed = (now - (previous ?? now)) / 1000;
    previous = now;
    step(Math.min(elapsed, LONGEST_FRAME));
    powerBar.value = state.aim.power;
    draw();
    requestAnimationFrame(frame);
  }
  requestAnimationFrame(frame);
}

new ResizeObserver(fitCanvas).observe(canvas);
newGame();
canvas.focus({ preventScroll: true });
run();

// For tests in a browser: game.strike(angle, power from 0 to 1), game.step(seconds), then look at game.state.
window.game = { state, newGame, strike, step };
