"use strict";

// Lengths are in field units: the field is 600 x 600, and (0, 0) is its top left corner. Times are in seconds.

const FIELD = { width: 600, height: 600 };
const PADDLE = { width: 100, height: 14, y: 560, speed: 640 };
const BALL_RADIUS = 8;
const BRICK = { width: 54, height: 22, gap: 4, left: 12, top: 56 };

// At top speed the ball moves 3 units in one step, less than its radius: it cannot jump over a brick.
const TIME_STEP = 1 / 240;
const LONGEST_FRAME = 0.05;
const FIRST_SPEED = 400;
const LEVEL_SPEED_GAIN = 40;
const PADDLE_SPEED_GAIN = 1.015; // factor for each hit of the paddle
const TOP_SPEED = 680;
const STEEPEST_SERVE = Math.PI / 8; // angles are measured from straight up
const FLATTEST_BOUNCE = Math.PI / 3;

const LIVES = 3;
const POINTS = 10;

// Each character is a place for a brick: "." is empty, "1" takes one hit, "2" takes two.
const LEVELS = [
  [
    "1111111111",
    "1111111111",
    "1111111111",
    "1111111111",
  ],
  [
    "....11....",
    "...1111...",
    "..112211..",
    ".11122111.",
    "1111111111",
    "11.1111.11",
  ],
  [
    "2222222222",
    "1.1.11.1.1",
    "1111111111",
    "1.1.11.1.1",
    "1122112211",
    "..1.22.1..",
  ],
];
const ROW_PAINTS = ["#e4572e", "#f2913d", "#f2c14e", "#4fb286", "#4f8fd9", "#8a6fd1"];
const STRONG_PAINT = "#8b93a5";

const STEERING_KEYS = { arrowleft: -1, a: -1, arrowright: 1, d: 1 };

const canvas = document.getElementById("field");
const context = canvas.getContext("2d");
const scoreText = document.getElementById("score");
const livesText = document.getElementById("lives");
const levelText = document.getElementById("level");
const statusText = document.getElementById("status");
const pauseButton = document.getElementById("pause");

const brickPicture = new Image();
brickPicture.src = "brick.svg";

const state = {
  held: new Set(),
  paddleX: FIELD.width / 2, // the middle of the paddle
};

function newGame() {
  Object.assign(state, {
    score: 0,
    lives: LIVES,
    unspent: 0, // time that was too short for a step
  });
  startLevel(0);
}

function startLevel(level) {
  state.level = level;
  state.bricks = bricksOf(LEVELS[level]);
  holdBall(`Level ${level + 1} of ${LEVELS.length}.`);
}

function bricksOf(rows) {
  return rows.flatMap((row, y) => [...row].flatMap((mark, x) => (mark === "." ? [] : [newBrick(x, y, Number(mark))])));
}

function newBrick(column, row, hits) {
  return {
    x: BRICK.left + column * (BRICK.width + BRICK.gap),
    y: BRICK.top + row * (BRICK.height + BRICK.gap),
    width: BRICK.width,
    height: BRICK.height,
    hits,
    paint: ROW_PAINTS[row % ROW_PAINTS.length],
  };
}

// Phases: "ready" (the ball lies on the paddle), "playing", "paused", "won" and "lost".

function enter(phase, message) {
  state.phase = phase;
  statusText.textContent = message;
  showNumbers();
}

function holdBall(message) {
  state.speed = FIRST_SPEED + LEVEL_SPEED_GAIN * state.level;
  state.ball = { x: state.paddleX, y: PADDLE.y - BALL_RADIUS, vx: 0, vy: 0 };
  enter("ready", message);
}

function launch() {
  if (state.phase === "ready") {
    aimBall((Math.random() * 2 - 1) * STEEPEST_SERVE);
    enter("playing", "");
  }
}

function togglePause() {
  if (state.phase === "playing") {
    enter("paused", "Paused.");
  } else if (state.phase === "paused") {
    enter("playing", "");
  }
}

// What a click, a tap or Space means depends on the phase.
function goOn() {
  const actions = { ready: launch, paused: togglePause, won: newGame, lost: newGame };
  actions[state.phase]?.();
}

// The game

function step(seconds) {
  if (state.phase !== "paused") {
    placePaddle(state.paddleX + steering() * PADDLE.speed * seconds);
  }
  state.unspent += seconds;
  while (state.unspent >= TIME_STEP) {
    state.unspent -= TIME_STEP;
    if (state.phase === "playing") {
      moveBall();
    }
  }
}

function moveBall() {
  const { ball } = state;
  ball.x += ball.vx * TIME_STEP;
  ball.y += ball.vy * TIME_STEP;
  bounceOffWalls(ball);
  bounceOffPaddle(ball);
  bounceOffBricks(ball);
  if (ball.y > FIELD.height + BALL_RADIUS) {
    loseLife();
  }
}

function bounceOffWalls(ball) {
  if (ball.x < BALL_RADIUS) {
    ball.vx = Math.abs(ball.vx);
  } else if (ball.x > FIELD.width - BALL_RADIUS) {
    ball.vx = -Math.abs(ball.vx);
  }
  if (ball.y < BALL_RADIUS) {
    ball.vy = Math.abs(ball.vy);
  }
}

function bounceOffPaddle(ball) {
  const paddle = { ...PADDLE, x: state.paddleX - PADDLE.width / 2 };
  if (ball.vy > 0 && touch(ball, paddle)) {
    const offset = (ball.x - state.paddleX) / (PADDLE.width / 2);
    state.speed = Math.min(state.speed * PADDLE_SPEED_GAIN, TOP_SPEED);
    ball.y = PADDLE.y - BALL_RADIUS;
    aimBall(clamp(offset, -1, 1) * FLATTEST_BOUNCE);
  }
}

function aimBall(angle) {
  state.ball.vx = state.speed * Math.sin(angle);
  state.ball.vy = -state.speed * Math.cos(angle);
}

function bounceOffBricks(ball) {
  const brick = state.bricks.find((candidate) => touch(ball, candidate));
  if (!brick) {
    return;
  }
  const { dx, dy } = touch(ball, brick);
  const comesFromSide = ball.vx * dx < 0;
  const comesFromEnd = ball.vy * dy < 0; // from above or below
  if (!comesFromSide && !comesFromEnd) {
    return; // on its way out already
  }
  if (comesFromSide && (Math.abs(dx) > Math.abs(dy) || !comesFromEnd)) {
    ball.vx = -ball.vx;
  } else {
    ball.vy = -ball.vy;
  }
  hit(brick);
}

// The way from the nearest point of the box to the middle of the ball, or null if they do not touch.
function touch(ball, box) {
  const dx = ball.x - clamp(ball.x, box.x, box.x + box.width);
  const dy = ball.y - clamp(ball.y, box.y, box.y + box.height);
  return Math.hypot(dx, dy) < BALL_RADIUS ? { dx, dy } : null;
}

function hit(brick) {
  brick.hits -= 1;
  state.score += POINTS;
  state.bricks = state.bricks.filter((other) => other.hits > 0);
  showNumbers();
  if (state.bricks.length === 0) {
    finishLevel();
  }
}

function finishLevel() {
  if (state.level + 1 < LEVELS.length) {
    startLevel(state.level + 1);
  } else {
    enter("won", `You won with ${state.score} points.`);
  }
}

function loseLife() {
  state.lives -= 1;
  if (state.lives > 0) {
    holdBall(`Ball lost. Lives left: ${state.lives}.`);
  } else {
    enter("lost", `Game over with ${state.score} points.`);
  }
}

function placePaddle(x) {
  const half = PADDLE.width / 2;
  state.paddleX = clamp(x, half, FIELD.width - half);
  if (state.phase === "ready") {
    state.ball.x = state.paddleX;
  }
}

function steering() {
  const directions = [...state.held].map((key) => STEERING_KEYS[key]);
  return Math.sign(directions.reduce((sum, direction) => sum + direction, 0));
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
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
  state.bricks.forEach(drawBrick);
  context.fillStyle = getComputedStyle(canvas).color;
  drawPaddle();
  drawBall();
  drawBanner();
}

function drawBrick({ x, y, width, height, hits, paint }) {
  context.fillStyle = hits > 1 ? STRONG_PAINT : paint;
  context.fillRect(x, y, width, height);
  if (brickPicture.naturalWidth > 0) {
    context.drawImage(brickPicture, x, y, width, height);
  }
}

function drawPaddle() {
  context.beginPath();
  context.roundRect(state.paddleX - PADDLE.width / 2, PADDLE.y, PADDLE.width, PADDLE.height, PADDLE.height / 2);
  context.fill();
}

function drawBall() {
  context.beginPath();
  context.arc(state.ball.x, state.ball.y, BALL_RADIUS, 0, 2 * Math.PI);
  context.fill();
}

function drawBanner() {
  const banners = {
    ready: [`Level ${state.level + 1}`, "Click, tap or press Space to serve"],
    paused: ["Paused", "Click, tap or press Space to go on"],
    won: ["You won!", "Click, tap or press Space to play again"],
    lost: ["Game over", "Click, tap or press Space to play again"],
  };
  const [title, hint] = banners[state.phase] ?? ["", ""];
  context.textAlign = "center";
  context.font = "bold 48px system-ui, sans-serif";
  context.fillText(title, FIELD.width / 2, 370);
  context.font = "24px system-ui, sans-serif";
  context.fillText(hint, FIELD.width / 2, 415);
}

function showNumbers() {
  scoreText.textContent = state.score;
  offerBest(state.score);
  livesText.textContent = state.lives;
  levelText.textContent = state.level + 1;
  pauseButton.textContent = state.phase === "paused" ? "Go on" : "Pause";
  pauseButton.disabled = state.phase !== "playing" && state.phase !== "paused";
}

// Pointer and keyboard

function followPointer(event) {
  if (state.phase !== "paused") {
    placePaddle((event.offsetX / canvas.clientWidth) * FIELD.width);
  }
}

canvas.addEventListener("pointermove", followPointer);
canvas.addEventListener("pointerdown", followPointer);
canvas.addEventListener("click", goOn);

window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  const key = event.key.toLowerCase();
  if (key in STEERING_KEYS) {
    event.preventDefault();
    state.held.add(key);
  } else if (key === " " && !event.target.closest("a, button")) {
    event.preventDefault();
    goOn();
  } else if (key === "p") {
    togglePause();
  }
});

window.addEventListener("keyup", (event) => {
  state.held.delete(event.key.toLowerCase());
});

window.addEventListener("blur", () => {
  state.held.clear(); // a key that is let go in another window is never reported here
  if (state.phase === "playing") {
    togglePause();
  }
});

for (const [id, action] of [["pause", togglePause], ["new-game", newGame]]) {
  document.getElementById(id).addEventListener("click", (event) => {
    event.currentTarget.blur(); // or Space would press it again
    action();
  });
}

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

newGame();
new ResizeObserver(fitCanvas).observe(canvas);
run();

// For tests in a browser: game.launch(), set game.state.paddleX, game.step(seconds), then look at game.state.
window.game = { state, newGame, launch, step };
